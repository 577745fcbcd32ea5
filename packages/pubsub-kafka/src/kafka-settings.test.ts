import { parseMetadata, silentLogger } from '@outrigger/core';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import definition from './index.ts';
import { clientSettings, type KafkaMetadata, pubSubSettings } from './kafka-settings.ts';

function read(properties: Record<string, string>): KafkaMetadata {
  const { values, problems } = parseMetadata(definition.metadata, {
    brokers: 'a:9092, b',
    authType: 'none',
    ...properties,
  });
  if (problems.length > 0) throw new Error(problems.map(({ field, message }) => `${field}: ${message}`).join());
  return values;
}
const client = (properties: Record<string, string> = {}) => clientSettings(read(properties), silentLogger);

describe('the metadata of pubsub.kafka', () => {
  it("has Dapr's defaults", () => {
    expect(client()).toMatchObject({
      brokers: ['a:9092', 'b'],
      clientId: 'sarama',
      connectTimeoutMs: 30_000,
      requestTimeoutMs: 30_000,
      topicRefreshMs: 480_000,
      producer: { acks: 'all', retries: 5, compression: 'none' },
      consumer: {
        initialOffset: 'newest',
        heartbeatMs: 3000,
        sessionTimeoutMs: 10_000,
        strategy: 'range',
        fetchMinBytes: 1,
        fetchBytes: 1_048_576,
      },
    });
    expect(client()).not.toHaveProperty('tls');
    expect(client()).not.toHaveProperty('sasl');
    expect(pubSubSettings(read({}), 'orders')).toMatchObject({ groupId: 'orders', retryMs: 100, bufferedRecords: 256 });
  });

  it.each([
    [{ consumerID: 'b' }, 'b'],
    [{ consumerGroup: 'a', consumerID: 'b' }, 'a'],
  ])('takes the group from %o', (properties, groupId) => {
    expect(pubSubSettings(read(properties), 'app').groupId).toBe(groupId);
  });

  it('counts a bare consumeRetryInterval in milliseconds, and waits a second or more where retries are off', () => {
    expect(pubSubSettings(read({ consumeRetryInterval: '250' }), '').retryMs).toBe(250);
    expect(pubSubSettings(read({ consumeRetryEnabled: 'false' }), '').retryMs).toBe(1000);
    expect(pubSubSettings(read({ consumeRetryEnabled: 'false', consumeRetryInterval: '3s' }), '').retryMs).toBe(3000);
  });

  it("understands Go's way to ignore case in excludeHeaderMetaRegex", () => {
    expect(pubSubSettings(read({ excludeHeaderMetaRegex: '(?i)^x-' }), '').record.excludedHeaders?.test('X-Y')).toBe(
      true,
    );
  });

  it('uses TLS with every login, unless it is disabled', () => {
    const password = { authType: 'password', saslUsername: 'alice', saslPassword: 's' };
    expect(client(password)).toMatchObject({ tls: { rejectUnauthorized: true }, sasl: { mechanism: 'PLAIN' } });
    expect(client({ ...password, disableTls: 'true', saslMechanism: 'SHA-256' })).toMatchObject({
      sasl: { mechanism: 'SCRAM-SHA-256', username: 'alice', password: 's' },
    });
    expect(client({ ...password, disableTls: 'true' })).not.toHaveProperty('tls');
    expect(client({ ...password, skipVerify: 'true' })).toMatchObject({ tls: { rejectUnauthorized: false } });
  });

  it('takes the old authRequired', () => {
    expect(client({ authType: '', authRequired: 'false' })).not.toHaveProperty('tls');
    const old = { authType: '', authRequired: 'true', saslUsername: 'a', saslPassword: 'b' };
    expect(client(old)).toMatchObject({ sasl: { mechanism: 'PLAIN' } });
  });

  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const oidc = { authType: 'oidc', oidcTokenEndpoint: 'http://x/token', oidcClientID: 'c', oidcClientSecret: 's' };

  it('takes OIDC with a secret or a key', () => {
    expect(client({ ...oidc, oidcExtensions: '{"a":"b"}' })).toMatchObject({
      sasl: { mechanism: 'OAUTHBEARER', extensions: { a: 'b' } },
    });
    const assertion = { ...oidc, authType: 'oidc_private_key_jwt', oidcClientAssertionKey: key.toString() };
    expect(client(assertion)).toMatchObject({ sasl: { mechanism: 'OAUTHBEARER' } });
  });

  it.each([
    [{ authType: '' }, 'authType is required'],
    [{ authType: 'kerberos' }, 'authType: expected one of'],
    [{ authType: 'awsiam' }, 'authType: "awsiam" is not supported'],
    [{ authType: 'password', saslPassword: 'b' }, 'saslUsername is required for authType "password"'],
    [{ authType: 'password', saslUsername: 'b' }, 'saslPassword is required'],
    [{ authType: 'mtls' }, 'clientCert is required'],
    [{ authType: 'mtls', disableTls: 'true' }, 'leave disableTls out'],
    [{ authType: 'certificate' }, 'caCert is required'],
    [{ authType: 'certificate', caCert: 'x' }, 'caCert: expected the PEM text of a certificate'],
    [{ ...oidc, oidcTokenEndpoint: '' }, 'oidcTokenEndpoint is required'],
    [{ ...oidc, oidcTokenEndpoint: 'nothing' }, 'oidcTokenEndpoint: expected a URL'],
    [{ ...oidc, oidcExtensions: '[1]' }, 'oidcExtensions: expected a JSON object'],
    [{ ...oidc, authType: 'oidc_private_key_jwt', oidcClientAssertionKey: 'x' }, 'oidcClientAssertionKey: expected'],
    [{ schemaRegistryURL: 'http://x' }, 'schemaRegistryURL: schemas are not supported'],
    [{ heartbeatInterval: '5s' }, 'heartbeatInterval: expected at most a third of sessionTimeout'],
    [{ initialOffset: 'first' }, 'initialOffset: expected one of "newest", "oldest"'],
    [{ compression: 'brotli' }, 'compression: expected one of'],
    [{ producerRequiredAcks: '1' }, 'producerRequiredAcks: expected one of'],
    [{ brokers: ' , ' }, 'brokers: expected at least one address'],
  ])('refuses %o', (properties, message) => {
    expect(() => client(properties)).toThrow(message);
  });

  it('refuses an expression that is none', () => {
    expect(() => pubSubSettings(read({ excludeHeaderMetaRegex: '(' }), '')).toThrow('excludeHeaderMetaRegex');
  });
});
