import { ComponentError, type Logger, type MetadataOf } from '@outrigger/core';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import type { ClientSettings, SaslSettings } from './client-settings.ts';
import type { connectionFields, messagingFields } from './kafka-fields.ts';
import { readAssertion, tokenSource } from './oidc-token.ts';
import type { KafkaPubSubSettings } from './kafka-pubsub.ts';

export type KafkaMetadata = MetadataOf<typeof connectionFields & typeof messagingFields>;
type AuthType = NonNullable<KafkaMetadata['authType']>;

const defaultMaxMessageBytes = 1_048_576;
/** The shortest pause before a message is handed over again where `consumeRetryEnabled` is off. */
const slowRetryMs = 1000;
const commitIntervalMs = 100;
const maxBytesOfTopic = 16 * 1024 * 1024;

function refuse(message: string): never {
  throw new ComponentError('invalid-argument', message);
}

/** Checks what fields say together, and turns them into what the client is made with. */
export function clientSettings(metadata: KafkaMetadata, logger: Logger): ClientSettings {
  if (metadata.brokers.length === 0) refuse('brokers: expected at least one address');
  if (metadata.schemaRegistryURL !== undefined) {
    throw new ComponentError(
      'unsupported',
      'schemaRegistryURL: schemas are not supported by this component: leave it out, and encode the data in the app',
    );
  }
  if (metadata.heartbeatInterval * 3 > metadata.sessionTimeout) {
    refuse('heartbeatInterval: expected at most a third of sessionTimeout');
  }
  const authType = authTypeOf(metadata);
  const tls = tlsOf(authType, metadata);
  const sasl = saslOf(authType, metadata);
  return {
    brokers: metadata.brokers,
    clientId: metadata.clientID,
    ...(tls && { tls }),
    ...(sasl && { sasl }),
    connectTimeoutMs: metadata.dialTimeout,
    requestTimeoutMs: metadata.readTimeout,
    topicRefreshMs: metadata.clientConnectionTopicMetadataRefreshInterval || 480_000,
    producer: {
      acks: metadata.producerRequiredAcks,
      retries: metadata.producerRetryMax,
      compression: metadata.compression,
    },
    consumer: {
      initialOffset: metadata.initialOffset,
      heartbeatMs: metadata.heartbeatInterval,
      sessionTimeoutMs: metadata.sessionTimeout,
      strategy: metadata.consumerGroupRebalanceStrategy,
      fetchMinBytes: metadata.consumerFetchMin,
      fetchBytes: metadata.consumerFetchDefault,
    },
    logger,
  };
}

export function pubSubSettings(metadata: KafkaMetadata, appId: string): KafkaPubSubSettings {
  let excludedHeaders: RegExp | undefined;
  try {
    const pattern = metadata.excludeHeaderMetaRegex;
    // Go's way to ignore case, which JavaScript does not know
    if (pattern !== undefined)
      excludedHeaders = new RegExp(pattern.replace(/^\(\?i\)/, ''), pattern.startsWith('(?i)') ? 'i' : '');
  } catch {
    refuse('excludeHeaderMetaRegex: expected a regular expression');
  }
  const { sessionTimeout, heartbeatInterval, consumeRetryEnabled, consumeRetryInterval } = metadata;
  return {
    groupId: metadata.consumerGroup ?? metadata.consumerID ?? appId,
    maxMessageBytes: metadata.maxMessageBytes ?? defaultMaxMessageBytes,
    retryMs: consumeRetryEnabled ? consumeRetryInterval : Math.max(consumeRetryInterval, slowRetryMs),
    bufferedRecords: metadata.channelBufferSize,
    // no heartbeats are sent while a rebalance waits for handlers
    drainMs: (sessionTimeout - heartbeatInterval) / 2,
    commitIntervalMs,
    maxBytes: maxBytesOfTopic,
    record: { escapeHeaders: metadata.escapeHeaders, excludedHeaders },
  };
}

function authTypeOf({ authType, authRequired, saslPassword }: KafkaMetadata): AuthType {
  if (authType === 'awsiam') {
    throw new ComponentError(
      'unsupported',
      'authType: "awsiam" is not supported by this component; with Amazon MSK use "password" with saslMechanism "SHA-512"',
    );
  }
  if (authType !== undefined) return authType;
  if (authRequired === undefined)
    refuse('authType is required (one of "none", "password", "mtls", "oidc", "oidc_private_key_jwt")');
  if (!authRequired) return 'none';
  return saslPassword === undefined ? 'mtls' : 'password';
}

function tlsOf(authType: AuthType, metadata: KafkaMetadata): ConnectionOptions | undefined {
  const { disableTls, skipVerify, caCert, clientCert, clientKey } = metadata;
  if (disableTls && authType === 'mtls') refuse('authType "mtls" needs TLS: leave disableTls out');
  if (disableTls || authType === 'none') return undefined;
  if (authType === 'certificate' && caCert === undefined) refuse('caCert is required for authType "certificate"');
  if (caCert !== undefined) readCertificate('caCert', caCert);
  const common = { rejectUnauthorized: !skipVerify, ...(caCert !== undefined && { ca: caCert }) };
  if (authType !== 'mtls') return common;
  if (clientCert === undefined) refuse('clientCert is required for authType "mtls"');
  if (clientKey === undefined) refuse('clientKey is required for authType "mtls"');
  const certificate = readCertificate('clientCert', clientCert);
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(clientKey));
  } catch {
    refuse('clientKey: expected the PEM text of a private key');
  }
  if (!fits) refuse('clientKey does not belong to clientCert');
  return { ...common, cert: clientCert, key: clientKey };
}

function readCertificate(field: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    refuse(`${field}: expected the PEM text of a certificate`);
  }
}

function saslOf(authType: AuthType, metadata: KafkaMetadata): SaslSettings | undefined {
  const need = (
    field:
      | 'saslUsername'
      | 'saslPassword'
      | 'oidcTokenEndpoint'
      | 'oidcClientID'
      | 'oidcClientSecret'
      | 'oidcClientAssertionKey',
  ) => metadata[field] ?? refuse(`${field} is required for authType "${authType}"`);
  if (authType === 'password') {
    const mechanism = ({ PLAINTEXT: 'PLAIN', 'SHA-256': 'SCRAM-SHA-256', 'SHA-512': 'SCRAM-SHA-512' } as const)[
      metadata.saslMechanism
    ];
    return { mechanism, username: need('saslUsername'), password: need('saslPassword') };
  }
  if (authType !== 'oidc' && authType !== 'oidc_private_key_jwt') return undefined;
  const tokenEndpoint = need('oidcTokenEndpoint');
  if (!URL.canParse(tokenEndpoint)) refuse('oidcTokenEndpoint: expected a URL');
  const { oidcAudience, oidcKid, oidcResource } = metadata;
  const credential =
    authType === 'oidc'
      ? { secret: need('oidcClientSecret') }
      : {
          ...readAssertion(need('oidcClientAssertionKey'), metadata.oidcClientAssertionCert),
          audience: oidcAudience ?? tokenEndpoint,
          ...(oidcKid !== undefined && { kid: oidcKid }),
        };
  return {
    mechanism: 'OAUTHBEARER',
    extensions: extensionsOf(metadata.oidcExtensions),
    token: tokenSource({
      tokenEndpoint,
      clientId: need('oidcClientID'),
      scopes: metadata.oidcScopes,
      ...(oidcResource !== undefined && { resource: oidcResource }),
      credential,
      timeoutMs: metadata.readTimeout,
    }),
  };
}

function extensionsOf(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || Object.values(value as object).some((each) => typeof each !== 'string')) {
    refuse('oidcExtensions: expected a JSON object of texts');
  }
  return value as Record<string, string>;
}
