import { requireBackend } from '@outrigger/conformance';
import type { StateStore } from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';
import { TestServer } from '@outrigger/redis-client/test-server';
import { administer } from '@outrigger/redis-client/test-topologies';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createStore } from './create.ts';

const { signal } = new AbortController();
const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
const value = Buffer.from('x');
/** What the README says that a user needs. */
const rights =
  '~app||* +info +evalsha +eval +hmget +hget +hset +hincrby +get +exists +del +pttl +expire +persist +scan +wait';

requireBackend('OUTRIGGER_TEST_REDIS', start, () => {
  describe('the commands of state.redis', () => {
    let server: TestServer;
    let admin: RedisConnection;
    let store: StateStore;
    /** How often the server was sent each command; those that scripts call count too. */
    const calls = async (name: string) => {
      const stats = String(await admin.send('INFO', ['commandstats']));
      return Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
    };
    const warm = async () => {
      await store.set({ key: 'k', value }, signal);
      await store.set({ key: 'k', value, etag: (await store.get({ key: 'k' }, signal))?.etag ?? '' }, signal);
      await store.transact?.([{ operation: 'set', key: 'k', value }], {}, signal);
    };

    beforeAll(async () => {
      server = await TestServer.start();
      admin = await administer(server);
      store = await createStore({ redisHost: server.host });
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      await admin[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      await warm();
      await admin.send('CONFIG', ['RESETSTAT']);
    });

    it('are one for each call, and one for each entry of a bulk call', async () => {
      await store.get({ key: 'k' }, signal);
      await store.set({ key: 'k', value }, signal);
      const { etag = '' } = (await store.get({ key: 'k' }, signal)) ?? {};
      await store.set({ key: 'k', value, etag, ttlInSeconds: 100 }, signal);
      const operations = ['k', 'l', 'm'].map((key) => ({ operation: 'set', key, value }) as const);
      await store.transact?.(operations, {}, signal);
      expect(await calls('evalsha')).toBe(5);
      await store.getMany?.(
        ['k', 'l', 'm'].map((key) => ({ key })),
        signal,
      );
      expect(await calls('evalsha')).toBe(8);
      expect(await calls('eval')).toBe(0);
    });

    it('find the scripts again that the server has forgotten', async () => {
      await admin.send('SCRIPT', ['FLUSH']);
      await warm();
      await warm();
      expect(await store.get({ key: 'k' }, signal)).toMatchObject({ value });
      expect(await calls('eval')).toBe(4);
    });

    it('are those that the README names: a user needs no other right', async () => {
      await admin.send('ACL', ['SETUSER', 'app', 'on', '>secret', ...rights.split(' ')]);
      const login = { redisHost: server.host, redisUsername: 'app', redisPassword: 'secret' };
      await using limited = await createStore(login);
      const key = 'app||k';
      await limited.set({ key, value, ttlInSeconds: 100 }, signal);
      await limited.set({ key, value, etag: '1', consistency: 'strong' }, signal);
      expect(await limited.get({ key }, signal)).toMatchObject({ value, etag: '2' });
      await limited.transact?.([{ operation: 'delete', key, etag: '2' }], {}, signal);
      await limited.set({ key, value, concurrency: 'first-write' }, signal);
      expect((await limited.keysLike?.({ pattern: 'app||%' }, signal))?.keys).toEqual([key]);
      await limited.delete({ key }, signal);
      await expect(limited.get({ key: 'other||k' }, signal)).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('NOPERM'),
      });
      await expect(createStore({ ...login, redisPassword: 'wrong' })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/redisUsername and redisPassword/),
      });
    });
  });
});
