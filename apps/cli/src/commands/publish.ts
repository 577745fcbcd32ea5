import type { Command } from 'commander';
import { findApi } from '../instances/find-api.ts';
import type { CommandContext } from '../program.ts';
import { UserError } from '../user-error.ts';
import { ask, contentTypeOf, payloadOf, type PayloadOptions, refusalOf } from './payload.ts';
import { parsePort } from './port-option.ts';

interface PublishOptions extends PayloadOptions {
  readonly publishAppId?: string;
  readonly pubsub: string;
  readonly topic: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly daprHttpPort?: number;
}

/** `outrigger publish`: publishes one message to a topic through the sidecar of an app. */
export function addPublish(program: Command, { env }: CommandContext): void {
  program
    .command('publish')
    .summary('publish a message to a topic')
    .description('Publishes a message to a topic, as an app that runs would. A CloudEvent in JSON is taken as it is.')
    .option('-i, --publish-app-id <id>', 'app whose sidecar publishes; when not given, any that runs')
    .requiredOption('-p, --pubsub <name>', 'name of the pub/sub component')
    .requiredOption('-t, --topic <topic>', 'topic')
    .option('-d, --data <text>', 'the message')
    .option('-f, --data-file <file>', 'file with the message; - for standard input')
    .option('-m, --metadata <json>', 'metadata, as {"ttlInSeconds": "60"}', parseMetadata)
    .option('-H, --dapr-http-port <port>', 'port of a sidecar', parsePort)
    .action(async (options: PublishOptions) => {
      const { url, headers } = findApi(options.publishAppId, options.daprHttpPort, env);
      const body = payloadOf(options);
      const query = new URLSearchParams(
        Object.entries(options.metadata ?? {}).map(([name, value]): [string, string] => [
          `metadata.${name}`,
          String(value),
        ]),
      );
      const path = `${encodeURIComponent(options.pubsub)}/${encodeURIComponent(options.topic)}`;
      const response = await ask(`${url}/v1.0/publish/${path}${query.size > 0 ? `?${query.toString()}` : ''}`, {
        method: 'POST',
        headers: {
          ...headers,
          ...(body && { 'content-type': isCloudEvent(body) ? 'application/cloudevents+json' : contentTypeOf(body) }),
        },
        ...(body && { body }),
      });
      if (!response.ok) throw new UserError(`cannot publish to ${options.topic}: ${await refusalOf(response)}`);
      process.stdout.write(`published to ${options.topic} of ${options.pubsub}\n`);
    });
}

/** Whether it has what Dapr's command asks of one. */
function isCloudEvent(payload: Buffer): boolean {
  if (contentTypeOf(payload) !== 'application/json') return false;
  const value = JSON.parse(payload.toString()) as unknown;
  const names = ['id', 'source', 'specversion', 'type', 'data'];
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}

function parseMetadata(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new UserError(`--metadata has to be a JSON object, such as '{"ttlInSeconds": "60"}'; it is ${text}`);
}
