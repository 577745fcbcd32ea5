import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '@outrigger/core';
import { expect, it } from 'vitest';
import { KvEngine } from './kv-engine.ts';
import type { TokenSource } from './token-source.ts';
import { VaultClient } from './vault-client.ts';
import { VaultSecretStore } from './vault-secret-store.ts';

const tokens: TokenSource = {
  token: async () => 't',
  replace: async () => false,
  [Symbol.asyncDispose]: async () => {},
};

it('asks for no more secrets of a list once one of them cannot be read', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `secret-${index}`);
  let reads = 0;
  const server = createServer(({ url = '' }, response) => {
    if (url.includes('list=true')) return response.end(JSON.stringify({ data: { keys: names } }));
    reads++;
    if (reads === 10) return response.writeHead(500).end('{"errors": ["broken"]}');
    return response.end('{"data": {"data": {"a": "1"}}}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new VaultClient({
    address: new URL(`http://127.0.0.1:${port}`),
    tls: {},
    namespace: undefined,
    timeout: 5000,
  });
  const engine = new KvEngine({ client, tokens, mount: 'secret', prefix: '' }, 2);
  const store = new VaultSecretStore({ client, tokens, engine, valueType: 'map', logger: silentLogger });
  try {
    const { signal } = new AbortController();
    const refusal = { code: 'unavailable', message: expect.stringContaining('broken') };
    await expect(store.getAll({}, signal)).rejects.toMatchObject(refusal);
    // as long as these take, eight readers would have gone far
    for (let read = 0; read < 10; read++) await store.get({ name: 'secret-0' }, signal);
    expect(reads).toBeLessThan(40);
  } finally {
    await store[Symbol.asyncDispose]();
    server.close();
  }
});
