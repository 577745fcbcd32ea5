import { randomUUID } from 'node:crypto';
import { requireBackend } from '@outrigger/conformance';
import { type Bindings, parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, type RedisConnection, redisFields } from '@outrigger/redis-client';
import { TestServer } from '@outrigger/redis-client/test-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBinding } from './create.ts';

const { signal } = new AbortController();
const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';

requireBackend('OUTRIGGER_TEST_REDIS', start, (redisHost) => {
  describe('bindings.redis', () => {
    let binding: Bindings;
    let raw: RedisConnection;
    const newKey = () => `binding-${randomUUID()}`;

    beforeAll(async () => {
      binding = await createBinding({ redisHost });
      raw = await connectRedis(parseMetadata(redisFields, { redisHost }).values, { logger: silentLogger, signal });
    });
    afterAll(() => Promise.all([binding[Symbol.asyncDispose](), raw[Symbol.asyncDispose]()]));

    async function invoke(operation: string, metadata: Record<string, string>, data = ''): Promise<string | undefined> {
      const answer = await binding.invoke?.({ operation, data: Buffer.from(data), metadata }, signal);
      return answer?.data && Buffer.from(answer.data).toString();
    }

    it('keeps the bytes under the key as it was given, for ever or as long as it is told', async () => {
      const [key, short] = [newKey(), newKey()];
      expect(await invoke('create', { key }, '{"a": 1}')).toBeUndefined();
      await invoke('create', { key: short, ttlInSeconds: '60' }, 'x');
      expect(String(await raw.send('GET', [key]))).toBe('{"a": 1}');
      expect(await raw.send('TTL', [key])).toBe(-1);
      expect(await raw.send('TTL', [short])).toBeGreaterThan(50);
    });

    it('gives nothing for a key that is not there, and deletes what it gives when told so', async () => {
      const key = newKey();
      expect(await invoke('get', { key })).toBeUndefined();
      await invoke('create', { key }, 'once');
      expect(await invoke('get', { key })).toBe('once');
      expect(await invoke('get', { key, delete: 'true' })).toBe('once');
      expect(await invoke('get', { key })).toBeUndefined();
    });

    it('counts', async () => {
      const key = newKey();
      expect(await invoke('increment', { key })).toBeUndefined();
      await invoke('increment', { key, ttlInSeconds: '60' });
      expect(await invoke('get', { key })).toBe('2');
      expect(await raw.send('TTL', [key])).toBeGreaterThan(50);
    });

    it('deletes, also what is not there', async () => {
      const key = newKey();
      await invoke('create', { key }, 'x');
      await invoke('delete', { key });
      await invoke('delete', { key });
      expect(await invoke('get', { key })).toBeUndefined();
    });

    it.each([
      ['get', {}, 'redis binding: missing key in request metadata'],
      ['create', { key: 'k', ttlInSeconds: '0' }, 'ttlInSeconds must be a whole number above 0'],
      ['increment', { key: 'k', ttlInSeconds: 'soon' }, 'ttlInSeconds must be a whole number above 0'],
    ])('refuses %s with %j', async (operation, metadata: Record<string, string>, message) => {
      await expect(invoke(operation, metadata)).rejects.toMatchObject({ code: 'invalid-argument', message });
    });

    it('answers at once while the server is away', async () => {
      await using server = await TestServer.start();
      await using own = await createBinding({ redisHost: server.host });
      await server.kill();
      const call = own.invoke?.({ operation: 'get', data: Buffer.alloc(0), metadata: { key: 'k' } }, signal);
      await expect(call).rejects.toMatchObject({ code: 'unavailable' });
    });
  });
});
