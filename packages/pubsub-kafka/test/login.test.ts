import { requireBackend } from '@outrigger/conformance';
import type { PubSub } from '@outrigger/core';
import { generateKeyPairSync, randomUUID, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPubSub, howToStartKafka } from './create.ts';

const never = new AbortController().signal;
const environment = (name: string) => process.env[`OUTRIGGER_TEST_KAFKA_${name}`] ?? '';

/** Publishes and receives one message. */
async function roundTrip(pubSub: PubSub): Promise<void> {
  const topic = `login-${randomUUID()}`;
  const { promise, resolve } = Promise.withResolvers<void>();
  await using _ = await pubSub.subscribe({ topic, metadata: {} }, async () => resolve(), never);
  await pubSub.publish({ topic, data: Buffer.from('x'), metadata: {} }, never);
  await promise;
}

interface TokenRequest {
  readonly form: URLSearchParams;
}

/** Gives tokens that Kafka takes without a signature, to a client whose secret is `secret` or who signs. */
async function startTokenEndpoint() {
  const requests: TokenRequest[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(await readText(request));
    requests.push({ form });
    const known = form.get('client_secret') === 'secret' || form.has('client_assertion');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const token = `${part({ alg: 'none' })}.${part({ sub: 'alice', iat: now, exp: now + 600 })}.`;
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known ? { access_token: token, expires_in: 600 } : { error: 'invalid_client' }));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    url: `http://127.0.0.1:${port}/token`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

requireBackend('OUTRIGGER_TEST_KAFKA', howToStartKafka, (brokers) => {
  describe('the brokers are out of reach', () => {
    const password = { authType: 'password', saslUsername: 'a', saslPassword: 'b' };
    it.each([
      ['nobody listens', { brokers: '127.0.0.1:9' }, 'unavailable', /127\.0\.0\.1:9.*cannot be reached.*brokers/],
      ['the host is unknown', { brokers: 'nowhere.invalid:9092' }, 'unavailable', /no such host in brokers/],
      ['they do not speak TLS', { brokers, ...password }, 'invalid-argument', /disableTls/],
    ])('%s', async (_, properties: Record<string, string>, code, message) => {
      await expect(createPubSub({ ...properties, dialTimeout: '3s' })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    });

    it('one of several brokers is enough', async () => {
      await using pubSub = await createPubSub({ brokers: `127.0.0.1:9,${brokers}` });
      await roundTrip(pubSub);
    });

    it('a silent broker is given up with the time that loading has', async () => {
      const silent = createServer(() => {});
      silent.listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const address = silent.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const signal = AbortSignal.timeout(300);
      await expect(createPubSub({ brokers: `127.0.0.1:${port}` }, { signal })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(`127.0.0.1:${port}`),
      });
      silent.closeAllConnections();
      silent.close();
    });
  });

  describe.skipIf(!environment('SASL'))('SASL', () => {
    const sasl = (more: Record<string, string>) =>
      createPubSub({ brokers: environment('SASL'), authType: 'password', disableTls: 'true', ...more });
    const mechanisms = ['PLAINTEXT', 'SHA-256', 'SHA-512'];

    it.each(mechanisms)('logs in with %s', async (saslMechanism) => {
      await using pubSub = await sasl({ saslUsername: 'alice', saslPassword: 'alice-secret', saslMechanism });
      await roundTrip(pubSub);
    });

    it.each(mechanisms)('a wrong password is refused with the fields to check, with %s', async (saslMechanism) => {
      const refused = sasl({ saslUsername: 'alice', saslPassword: 'wr0ng', saslMechanism });
      await expect(refused).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/refused the login: check saslUsername, saslPassword/),
      });
      await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('wr0ng') });
    });

    it('no login where one is wanted is told', async () => {
      await expect(
        createPubSub({ brokers: environment('SASL'), dialTimeout: '2s', readTimeout: '3s' }),
      ).rejects.toThrow(/closed the connection.*authType/);
    });

    it('logs in with a token for a client secret, and asks for it once', async () => {
      await using endpoint = await startTokenEndpoint();
      await using pubSub = await sasl({
        authType: 'oidc',
        oidcTokenEndpoint: endpoint.url,
        oidcClientID: 'client',
        oidcClientSecret: 'secret',
        oidcScopes: 'openid,kafka',
      });
      await roundTrip(pubSub);
      expect(endpoint.requests).toHaveLength(1);
      expect(Object.fromEntries(endpoint.requests[0]?.form ?? [])).toEqual({
        grant_type: 'client_credentials',
        client_id: 'client',
        client_secret: 'secret',
        scope: 'openid kafka',
      });
    });

    it('logs in with a token for a signed assertion', async () => {
      await using endpoint = await startTokenEndpoint();
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      await using pubSub = await sasl({
        authType: 'oidc_private_key_jwt',
        oidcTokenEndpoint: endpoint.url,
        oidcClientID: 'client',
        oidcClientAssertionKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        oidcKid: 'key-1',
      });
      await roundTrip(pubSub);
      const [header = '', claims = '', signature = ''] = (
        endpoint.requests[0]?.form.get('client_assertion') ?? ''
      ).split('.');
      const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
      expect(decode(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
      expect(decode(claims)).toMatchObject({ iss: 'client', sub: 'client', aud: endpoint.url });
      const signed = Buffer.from(`${header}.${claims}`);
      expect(verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
    });

    it('a token that is refused is told without the secret', async () => {
      await using endpoint = await startTokenEndpoint();
      const refused = sasl({
        authType: 'oidc',
        oidcTokenEndpoint: endpoint.url,
        oidcClientID: 'client',
        oidcClientSecret: 'guessed',
      });
      await expect(refused).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/oidcTokenEndpoint gave no token: HTTP 401 \(invalid_client\)/),
      });
      await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('guessed') });
    });
  });

  describe.skipIf(!environment('TLS'))('TLS', () => {
    const pem = (name: string) => readFileSync(join(environment('CERTS'), name), 'utf8');
    const tls = (more: Record<string, string>) =>
      createPubSub({ brokers: environment('TLS'), authType: 'mtls', dialTimeout: '5s', readTimeout: '5s', ...more });
    const client = () => ({ clientCert: pem('client.pem'), clientKey: pem('client.key') });

    it('logs in with a client certificate', async () => {
      await using pubSub = await tls({ caCert: pem('ca.pem'), ...client() });
      await roundTrip(pubSub);
    });

    it('skipVerify goes without the authority', async () => {
      await using pubSub = await tls({ skipVerify: 'true', ...client() });
      await roundTrip(pubSub);
    });

    it.each([
      ['the authority of the brokers is not known', () => client(), /caCert/],
      [
        'the brokers do not know who signed the client certificate',
        () => ({ caCert: pem('ca.pem'), clientCert: pem('stranger.pem'), clientKey: pem('stranger.key') }),
        /clientCert/,
      ],
      ['there is no client certificate', () => ({ caCert: pem('ca.pem'), authType: 'certificate' }), /clientCert/],
      ['TLS is off', () => ({ authType: 'none' }), /want TLS/],
    ])('%s', async (_, more, message) => {
      await expect(tls(more())).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
      });
    });
  });
});
