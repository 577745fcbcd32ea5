import { once } from 'node:events';
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { patienceMs, PulsarServer, pulsarProgram } from './pulsar-server.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 20 };
const newTopic = () => `topic-${randomUUID()}`;

describe.skipIf(!pulsarProgram)('pubsub.pulsar on a broker with logins and TLS', () => {
  let server: PulsarServer;
  beforeAll(async () => {
    server = await PulsarServer.start();
  }, patienceMs);
  afterAll(() => server[Symbol.asyncDispose]());

  const roundTrip = async (properties: Record<string, string>) => {
    await using pubSub = await createPubSub({ transport: 'websocket', consumerID: 'app', ...properties });
    const topic = newTopic();
    const handled: string[] = [];
    const handler = async ({ data }: { data: Uint8Array }) => void handled.push(Buffer.from(data).toString());
    await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
    await pubSub.publish({ topic, data: Buffer.from('hello'), metadata: {} }, never);
    await vi.waitFor(() => expect(handled).toEqual(['hello']), patient);
  };

  it('a token logs in', () => roundTrip({ host: server.host, token: server.token }));

  it('a token logs in over TLS', () =>
    roundTrip({ host: server.secureHost, caCert: server.caCert, token: server.token }));

  it('a token from an OAuth 2 server logs in', async () => {
    const asked: string[] = [];
    const tokens = createServer((request, response) => {
      let form = '';
      request.on('data', (chunk) => (form += String(chunk)));
      request.on('end', () => {
        asked.push(form);
        response.end(JSON.stringify({ access_token: server.token, expires_in: 3600 }));
      });
    }).listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    const address = tokens.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    try {
      await roundTrip({
        host: server.host,
        oauth2TokenURL: `http://127.0.0.1:${address.port}/token`,
        oauth2ClientID: 'client',
        oauth2ClientSecret: 'secret',
        oauth2Scopes: 'a, b',
        oauth2Audiences: 'pulsar',
      });
    } finally {
      tokens.close();
    }
    expect(asked).toEqual([
      'grant_type=client_credentials&client_id=client&client_secret=secret&scope=a+b&audience=pulsar',
    ]);
  });

  it.each([
    ['no token', () => ({})],
    ['a token of somebody else', () => ({ token: server.tokenOf('admin', Buffer.alloc(32)) })],
    ['something that is no token', () => ({ token: 'secret-words' })],
  ])('with %s the component does not load, and says what to check', async (_, login) => {
    const error: unknown = await createPubSub({ host: server.host, transport: 'websocket', ...login() }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('check token') });
    expect(String(error)).not.toContain('secret-words');
  });

  it('a role without the right is told so when it publishes or subscribes', async () => {
    const properties = { host: server.host, token: server.tokenOf('stranger'), transport: 'websocket' };
    await using pubSub = await createPubSub(properties);
    const topic = newTopic();
    const refused = { code: 'invalid-argument', message: expect.stringMatching(/not allow|[Nn]ot authorized/) };
    await expect(pubSub.publish({ topic, data: Buffer.from('x'), metadata: {} }, never)).rejects.toMatchObject(refused);
    await expect(pubSub.subscribe({ topic, metadata: {} }, async () => {}, never)).rejects.toMatchObject(refused);
  });

  it.each([
    ['a certificate of an unknown authority', () => ({ host: server.secureHost }), /certificate.*caCert/],
    ['TLS where there is none', () => ({ host: server.host, enableTLS: 'true' }), /enableTLS/],
    ['no TLS where there is one', () => ({ host: server.secureHost.replace('https://', '') }), /enableTLS/],
  ])('%s is an error that names the field', async (_, properties, message) => {
    await expect(createPubSub({ token: server.token, transport: 'websocket', ...properties() })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(message),
    });
  });
});
