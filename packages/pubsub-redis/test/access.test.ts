import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, redisFields } from '@outrigger/redis-client';
import { TestServer } from '@outrigger/redis-client/test-server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { collect, never, patient, publish } from './ledger.ts';
import { hasRedisServer } from './redis-server.ts';

describe.skipIf(!hasRedisServer)('pubsub.redis for users with few rights', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
    await using redis = await admin();
    const grant = (name: string, rights: string) =>
      redis.send('ACL', ['SETUSER', name, 'on', '>secret', '~orders', '+xadd', ...rights.split(' ')]);
    await grant('app', '+@stream +client|id +client|unblock +info');
    await grant('writer', '+@connection');
    await grant('blind', '+xgroup');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const admin = () => {
    const { values } = parseMetadata(redisFields, { redisHost: server.host });
    return connectRedis(values, { logger: silentLogger, signal: never });
  };
  const login = (redisUsername: string, redisPassword = 'secret') =>
    createPubSub({ redisHost: server.host, redisUsername, redisPassword, consumerID: redisUsername });

  it('works with the rights that the README names', async () => {
    await using pubSub = await login('app');
    await using inbox = await collect(pubSub, 'orders');
    await publish(pubSub, 'orders', 'one');
    const entries = ['two', 'three'].map((text) => ({
      entryId: text,
      data: Buffer.from(text),
      contentType: 'text/plain',
      metadata: {},
    }));
    // without the right to run scripts
    const outcomes = await pubSub.publishMany?.({ topic: 'orders', entries, metadata: {} }, never);
    expect(outcomes?.map(({ ok }) => ok)).toEqual([true, true]);
    await vi.waitFor(() => expect(inbox.seen).toEqual(['one', 'two', 'three']), patient);
  });

  it('says which topic and which right is missing, when publishing and when subscribing', async () => {
    await using pubSub = await login('writer');
    await publish(pubSub, 'orders', 'x');
    await expect(publish(pubSub, 'invoices', 'x')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/redisUsername.*"invoices".*ACL SETUSER/),
    });
    const subscribing = pubSub.subscribe({ topic: 'orders', metadata: {} }, async () => {}, never);
    await expect(subscribing).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/redisUsername.*"orders".*xgroup.*ACL SETUSER/),
    });
    const entries = [{ entryId: '1', data: Buffer.from('x'), contentType: 'text/plain', metadata: {} }];
    const [outcome] = (await pubSub.publishMany?.({ topic: 'invoices', entries, metadata: {} }, never)) ?? [];
    expect(outcome).toMatchObject({ ok: false, error: { message: expect.stringMatching(/ACL SETUSER/) } });
  });

  it('refuses a subscription that could not read', async () => {
    await using pubSub = await login('blind');
    const subscribing = pubSub.subscribe({ topic: 'orders', metadata: {} }, async () => {}, never);
    await expect(subscribing).rejects.toMatchObject({ message: expect.stringMatching(/xreadgroup/) });
  });

  it.each([
    ['a wrong password', 'app', 'wrong'],
    ['an unknown user', 'nobody', 'secret'],
  ])('names the fields to check for %s', async (_, user, password) => {
    await expect(login(user, password)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/redisUsername and redisPassword/),
    });
  });

  it('says so when a topic is the key of something else', async () => {
    await using pubSub = await createPubSub({ redisHost: server.host, consumerID: 'app' });
    await using redis = await admin();
    await redis.send('SET', ['taken', 'x']);
    const wrong = { code: 'invalid-argument', message: expect.stringMatching(/"taken".*redisDB/) };
    await expect(publish(pubSub, 'taken', 'x')).rejects.toMatchObject(wrong);
    await expect(pubSub.subscribe({ topic: 'taken', metadata: {} }, async () => {}, never)).rejects.toMatchObject(
      wrong,
    );
    const entries = ['1', '2'].map((entryId) => ({
      entryId,
      data: Buffer.from('x'),
      contentType: 'text/plain',
      metadata: {},
    }));
    const outcomes = await pubSub.publishMany?.({ topic: 'taken', entries, metadata: {} }, never);
    expect(outcomes).toMatchObject([
      { ok: false, error: wrong },
      { ok: false, error: wrong },
    ]);
  });

  it('refuses a server that is too old', async () => {
    await using old = await TestServer.start('--rename-command', 'XAUTOCLAIM', '');
    await expect(createPubSub({ redisHost: old.host })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/Redis 6\.2 or later/),
    });
  });
});

/** An authority, and a server and a client certificate that it signed. */
class Certificates implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pubsub-redis-tls-'));

  constructor() {
    this.#openssl('req', '-x509', ...this.#newKey('ca'), '-days', '2', '-subj', '/CN=test authority', '-out', 'ca.crt');
    for (const name of ['server', 'client', 'stranger']) {
      this.#openssl(
        'req',
        ...this.#newKey(name),
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-out',
        `${name}.csr`,
      );
      const signed = [
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-days',
        '2',
        '-copy_extensions',
        'copy',
        '-out',
        `${name}.crt`,
      ];
      if (name === 'stranger') this.#openssl(...signed, '-signkey', `${name}.key`);
      else this.#openssl(...signed, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial');
    }
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  text(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #newKey(name: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'ignore' });
  }
}

describe.skipIf(!hasRedisServer)('pubsub.redis over TLS', () => {
  let certificates: Certificates;
  let server: TestServer;
  let redisHost: string;
  beforeAll(async () => {
    certificates = new Certificates();
    const probe = await TestServer.start();
    await probe[Symbol.asyncDispose]();
    redisHost = probe.host;
    const options = {
      'tls-port': String(probe.port),
      'tls-cert-file': certificates.path('server.crt'),
      'tls-key-file': certificates.path('server.key'),
      'tls-ca-cert-file': certificates.path('ca.crt'),
    };
    server = await TestServer.start(...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    certificates[Symbol.dispose]();
  });

  const tls = (more: Record<string, string> = {}) => ({ redisHost, consumerID: 'app', enableTLS: 'true', ...more });
  const mutual = (name = 'client') => ({
    clientCert: certificates.text(`${name}.crt`),
    clientKey: certificates.text(`${name}.key`),
  });

  it('checks the certificate against NODE_EXTRA_CA_CERTS, shows its own, and carries messages', () => {
    const script = new URL('over-tls.ts', import.meta.url).pathname;
    const { clientCert, clientKey } = mutual();
    const properties = JSON.stringify({ ...tls(), clientCert, clientKey });
    const output = execFileSync(process.execPath, ['--conditions=@outrigger/source', script, properties], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificates.path('ca.crt') },
      encoding: 'utf8',
    });
    expect(output).toBe('over tls\n');
  });

  it('works unchecked with insecureSkipTLSVerify', async () => {
    await using pubSub = await createPubSub(tls({ ...mutual(), insecureSkipTLSVerify: 'true' }));
    await using inbox = await collect(pubSub, 'orders');
    await publish(pubSub, 'orders', 'x');
    await vi.waitFor(() => expect(inbox.seen).toEqual(['x']), patient);
  });

  it.each([
    ['a certificate of an unknown authority', () => mutual(), /NODE_EXTRA_CA_CERTS/],
    ['no client certificate', () => ({ insecureSkipTLSVerify: 'true' }), /clientCert and clientKey/],
    [
      'a client certificate that the server does not trust',
      () => ({ ...mutual('stranger'), insecureSkipTLSVerify: 'true' }),
      /clientCert/,
    ],
    ['TLS switched off', () => ({ enableTLS: 'false' }), /enableTLS/],
  ])('names the field for %s', async (_, more, message) => {
    await expect(createPubSub(tls(more()))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(message),
    });
  });

  it('names the field for a certificate that is none, and for TLS to a server without it', async () => {
    await expect(createPubSub(tls({ clientCert: 'x', clientKey: 'y' }))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/clientCert and clientKey/),
    });
    await using plain = await TestServer.start();
    const dialTimeout = '1s';
    await expect(createPubSub(tls({ redisHost: plain.host, dialTimeout }))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/enableTLS/),
    });
  });
});
