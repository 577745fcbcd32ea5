import type { SpanAttributes } from '@outrigger/runtime';

/** What a call is of, as far as its span tells. */
export interface CalledApi {
  /** Group of the API: `state`. */
  readonly group: string;
  /** The component, or the app that is invoked. */
  readonly name: string;
  readonly topic?: string;
  /** The call in one line: verb and path, or the method. */
  readonly statement: string;
}

const stores: ReadonlySet<string> = new Set(['state', 'secrets', 'bindings']);

/** As Dapr describes a call: by the component it is of, with OpenTelemetry's names for databases and brokers. Never with a value. */
export function apiAttributes({ group, name, topic = '', statement }: CalledApi): SpanAttributes {
  if (stores.has(group)) {
    return { 'db.name': name, 'db.system': group, 'db.connection_string': group, 'db.statement': statement };
  }
  if (group === 'publish') {
    return {
      'messaging.system': 'pubsub',
      'messaging.destination': topic,
      'messaging.destination_kind': 'topic',
    };
  }
  return group === 'invoke' ? { 'rpc.service': 'ServiceInvocation', 'net.peer.name': name } : {};
}

/** What a call's span is called that invokes an app. */
export function invokeSpanName(appId: string, path: string): string {
  return `CallLocal/${appId}/${methodName(path)}`;
}

/** A path as Dapr names a method: without its leading slash. */
export function methodName(path: string): string {
  return path.startsWith('/') ? path.slice(1) : path;
}

/**
 * Headers that the user marks for the span by the prefix `dapr-`; never the token. `headers` alternates between names and values.
 */
export function* markedHeaders(headers: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? '';
    if (name.startsWith('dapr-') && name !== 'dapr-api-token' && !name.endsWith('-bin')) {
      yield [name, headers[index + 1] ?? ''];
    }
  }
}
