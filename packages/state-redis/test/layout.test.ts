import { randomUUID } from 'node:crypto';
import { requireBackend } from '@outrigger/conformance';
import { parseMetadata, silentLogger, type StateStore } from '@outrigger/core';
import { connectRedis, type RedisConnection, redisFields } from '@outrigger/redis-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from './create.ts';

const { signal } = new AbortController();
const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';

requireBackend('OUTRIGGER_TEST_REDIS', start, (redisHost) => {
  describe('what state.redis keeps, as other tools see it', () => {
    let store: StateStore;
    let raw: RedisConnection;
    const prefix = `layout-${randomUUID()}`;
    const hash = async (key: string) => ((await raw.send('HGETALL', [key])) as Buffer[]).map(String);
    const text = async (key: string) => Buffer.from((await store.get({ key }, signal))?.value ?? 'nothing').toString();

    beforeAll(async () => {
      store = await createStore({ redisHost });
      raw = await connectRedis(parseMetadata(redisFields, { redisHost }).values, { logger: silentLogger, signal });
    });
    afterAll(() => Promise.all([store[Symbol.asyncDispose](), raw[Symbol.asyncDispose]()]));

    it('is a hash of data and version under the key as it was given; the version is the etag', async () => {
      const key = `${prefix}||order`;
      await store.set({ key, value: Buffer.from('{"id":1}') }, signal);
      await store.set({ key, value: Buffer.from('{"id":2}') }, signal);
      expect(await hash(key)).toEqual(['version', '2', 'data', '{"id":2}']);
      expect((await store.get({ key }, signal))?.etag).toBe('2');
      expect(await raw.send('TTL', [key])).toBe(-1);
    });

    it('says of an item whether a first write made it', async () => {
      const key = `${prefix}||first`;
      await store.set({ key, value: Buffer.from('1'), concurrency: 'first-write' }, signal);
      expect(await hash(key)).toEqual(['version', '1', 'data', '1', 'first-write', '0']);
    });

    it('has its time to live on the key', async () => {
      const key = `${prefix}||ttl`;
      await store.set({ key, value: Buffer.from('1'), ttlInSeconds: 3600 }, signal);
      expect(await raw.send('TTL', [key])).toBeGreaterThan(3590);
      await raw.send('EXPIRE', [key, 60]);
      const expiresAt = (await store.get({ key }, signal))?.expiresAt?.getTime() ?? 0;
      expect(Math.abs(expiresAt - Date.now() - 60_000)).toBeLessThan(2000);
    });

    it('may have been written by Dapr', async () => {
      const key = `${prefix}||dapr`;
      await raw.send('HSET', [key, 'data', '{"a":1}', 'version', 7, 'first-write', 0]);
      expect(await store.get({ key }, signal)).toMatchObject({ etag: '7' });
      expect(await text(key)).toBe('{"a":1}');
      await store.set({ key, value: Buffer.from('2'), etag: '7' }, signal);
      expect(await hash(key)).toEqual(expect.arrayContaining(['data', '2', 'version', '8']));
    });

    it('may be a plain text of an old Dapr, until it is written', async () => {
      const [key, guarded, moved] = [`${prefix}||plain`, `${prefix}||guarded`, `${prefix}||moved`];
      for (const old of [key, guarded, moved]) await raw.send('SET', [old, '"old"']);
      const item = await store.get({ key: guarded }, signal);
      expect(Buffer.from(item?.value ?? []).toString()).toBe('"old"');

      await store.set({ key, value: Buffer.from('new') }, signal);
      expect(await hash(key)).toEqual(['version', '1', 'data', 'new']);
      const first = store.set({ key: guarded, value: Buffer.from('x'), concurrency: 'first-write' }, signal);
      await expect(first).rejects.toMatchObject({ code: 'etag-mismatch' });
      await store.set({ key: guarded, value: Buffer.from('new'), etag: item?.etag ?? '' }, signal);
      expect(await hash(guarded)).toEqual(['version', '1', 'data', 'new']);
      await store.transact?.([{ operation: 'set', key: moved, value: Buffer.from('new') }], {}, signal);
      expect(await text(moved)).toBe('new');
    });

    it('is left alone, all of it, when a transaction meets an item it cannot count up', async () => {
      const [good, bad] = [`${prefix}||good`, `${prefix}||bad`];
      await raw.send('HSET', [bad, 'data', 'x', 'version', 'one']);
      const value = Buffer.from('new');
      const transaction = store.transact?.(
        [
          { operation: 'set', key: good, value },
          { operation: 'set', key: bad, value },
        ],
        {},
        signal,
      );
      await expect(transaction).rejects.toMatchObject({ message: expect.stringContaining('version') });
      expect(await store.get({ key: good }, signal)).toBeUndefined();
    });

    it('lives as long as the component says, where the caller does not', async () => {
      await using limited = await createStore({ redisHost, ttlInSeconds: '100' });
      const [preset, own, ever] = [`${prefix}||preset`, `${prefix}||own`, `${prefix}||ever`];
      await limited.set({ key: preset, value: Buffer.from('1') }, signal);
      await limited.set({ key: own, value: Buffer.from('1'), ttlInSeconds: 5 }, signal);
      await limited.set({ key: ever, value: Buffer.from('1'), ttlInSeconds: -1 }, signal);
      const left = await Promise.all([preset, own, ever].map((key) => raw.send('TTL', [key])));
      expect(left).toEqual([expect.any(Number), expect.any(Number), -1]);
      expect(left[0]).toBeGreaterThan(90);
      expect(left[1]).toBeLessThanOrEqual(5);
    });
  });
});
