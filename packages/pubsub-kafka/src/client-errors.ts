import { ComponentError, errorMessage, type ErrorCode } from '@outrigger/core';
import type { ClientSettings } from './client-settings.ts';

/** The fields of the library's errors, and of Node's, that are looked at. */
interface ErrorShape {
  readonly code?: string;
  readonly apiId?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly response?: unknown;
}

/** An error and everything it was made of, the outermost first. */
function* layers(error: unknown): Generator<ErrorShape> {
  if (typeof error !== 'object' || error === null) return;
  const shape: ErrorShape = error;
  yield shape;
  for (const part of shape.errors ?? []) yield* layers(part);
  yield* layers(shape.cause);
}

/** Whether a broker has answered, with an error of Kafka's own. */
export function isProtocolError(error: unknown): boolean {
  for (const { apiId } of layers(error)) if (apiId !== undefined) return true;
  return false;
}

/** The answer that an error was made of: of several parts in it some may be in order. */
export function responseOf<T>(error: unknown): T | undefined {
  for (const { response } of layers(error)) if (typeof response === 'object' && response !== null) return response as T;
  return undefined;
}

type Explanation = readonly [code: ErrorCode, text: string];

/** Kafka's errors that a user can do something about. */
const protocolExplanations: Readonly<Record<string, (topic: string) => Explanation>> = {
  UNKNOWN_TOPIC_OR_PARTITION: missingTopic,
  UNKNOWN_TOPIC_ID: missingTopic,
  INVALID_TOPIC_EXCEPTION: (topic) => [
    'invalid-argument',
    `${topic} is no name that Kafka allows: letters, digits, ".", "_" and "-", at most 249`,
  ],
  TOPIC_AUTHORIZATION_FAILED: (topic) => [
    'invalid-argument',
    `the brokers do not allow this for ${topic}: grant the user of authType the rights to it`,
  ],
  GROUP_AUTHORIZATION_FAILED: () => [
    'invalid-argument',
    'the brokers do not allow this consumer group: grant the user of authType the right to read it, or set consumerGroup',
  ],
  CLUSTER_AUTHORIZATION_FAILED: () => ['invalid-argument', 'the brokers do not allow this to the user of authType'],
  MESSAGE_TOO_LARGE: (topic) => [
    'invalid-argument',
    `the message is larger than the brokers accept for ${topic} (max.message.bytes)`,
  ],
  RECORD_LIST_TOO_LARGE: (topic) => [
    'invalid-argument',
    `the messages are larger together than the brokers accept for ${topic} (segment.bytes)`,
  ],
  UNSUPPORTED_SASL_MECHANISM: () => ['invalid-argument', 'the brokers do not offer this saslMechanism'],
  ILLEGAL_SASL_STATE: () => ['invalid-argument', 'the brokers expect no login here: see authType'],
  INCONSISTENT_GROUP_PROTOCOL: () => [
    'invalid-argument',
    'the other members of the consumer group use another consumerGroupRebalanceStrategy: set the same one',
  ],
  INVALID_SESSION_TIMEOUT: () => [
    'invalid-argument',
    'sessionTimeout is outside of what the brokers allow (group.min.session.timeout.ms, group.max.session.timeout.ms)',
  ],
  UNSUPPORTED_COMPRESSION_TYPE: () => ['invalid-argument', 'the brokers do not take this compression'],
};

function missingTopic(topic: string): Explanation {
  return [
    'not-found',
    `${topic} does not exist, and the brokers make none on first use (auto.create.topics.enable is off): create it`,
  ];
}

/** What failed, in the words of the component's metadata. */
export function explain(error: unknown, settings: ClientSettings, topic?: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const [code, text] = explanationOf(
    [...layers(error)],
    settings,
    topic === undefined ? 'the topic' : `topic "${topic}"`,
  );
  return new ComponentError(code, text, { cause: error });
}

function explanationOf(all: readonly ErrorShape[], settings: ClientSettings, topic: string): Explanation {
  const brokers = settings.brokers.join(', ');
  const has = (test: (shape: ErrorShape) => boolean) => all.some(test);
  const said = (pattern: RegExp) => has(({ message = '' }) => pattern.test(message));
  const coded = (pattern: RegExp) => has(({ code = '' }) => pattern.test(code));

  const component = all.find((shape) => ComponentError.is(shape));
  if (component) return [component.code, component.message];
  if (said(/^Broker requires TLS/)) {
    const how = settings.tls ? 'see caCert' : 'leave disableTls out, or set authType to one that uses TLS';
    return ['invalid-argument', `the brokers (${brokers}) want TLS: ${how}`];
  }
  if (coded(/^PLT_KFK_AUTHENTICATION$/)) return loginRefused(all, settings);
  if (coded(/^(ERR_SSL_|ERR_OSSL_)/) && said(/wrong version number|packet length too long/))
    return plainBrokers(brokers);
  if (said(/verify the broker supports TLS/)) return plainBrokers(brokers);
  if (coded(/CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|^ERR_SSL_|^ERR_OSSL_|^ERR_TLS/)) {
    const why = all.find(({ code = '' }) => /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|^ERR_/.test(code))?.message ?? '';
    return [
      'invalid-argument',
      `TLS with the brokers (${brokers}) failed: ${why}; see caCert, clientCert and clientKey`,
    ];
  }
  for (const { apiId } of all) {
    const explanation = protocolExplanations[apiId ?? ''];
    if (explanation) return explanation(topic);
  }
  if (said(/^Unknown topic/)) return missingTopic(topic);
  if (coded(/^ENOTFOUND$|^EAI_AGAIN$/)) return ['unavailable', `no such host in brokers (${brokers})`];
  if (said(/timed out/i)) {
    return ['unavailable', `the brokers (${brokers}) did not answer in time; see brokers, dialTimeout and readTimeout`];
  }
  const [network] = all.filter(({ code = '' }) => /^E[A-Z]+$|^PLT_KFK_NETWORK$/.test(code)).slice(-1);
  if (network)
    return ['unavailable', `the brokers (${brokers}) cannot be reached: ${network.message ?? ''}; see brokers`];
  const kafka = all.find(({ apiId }) => apiId !== undefined);
  if (kafka) return ['unavailable', `Kafka answered ${kafka.apiId}: ${kafka.message ?? ''}`];
  return ['internal', errorMessage(all[0])];
}

function plainBrokers(brokers: string): Explanation {
  return ['invalid-argument', `the brokers (${brokers}) do not speak TLS: set disableTls to "true", or another port`];
}

function loginRefused(all: readonly ErrorShape[], { sasl, brokers }: ClientSettings): Explanation {
  const at = brokers.join(', ');
  if (all.some(({ apiId }) => apiId === 'UNSUPPORTED_SASL_MECHANISM')) {
    return [
      'invalid-argument',
      `the brokers (${at}) do not offer the SASL mechanism ${sasl?.mechanism ?? ''}: see saslMechanism`,
    ];
  }
  const fields =
    sasl?.mechanism === 'OAUTHBEARER' ? 'the oidc… fields' : 'saslUsername, saslPassword and saslMechanism';
  return ['invalid-argument', `the brokers (${at}) refused the login: check ${fields}`];
}

/** Whether the other side has closed a connection that was open. */
export function isClosedByPeer(error: unknown): boolean {
  const all = [...layers(error)];
  return !isProtocolError(error) && all.some(({ message }) => message?.startsWith('Connection closed'));
}
