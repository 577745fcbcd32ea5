import { requireBackend } from '@outrigger/conformance';
import { TestServer } from '@outrigger/redis-client/test-server';
import { describe, expect, it, vi } from 'vitest';
import { createStore } from './create.ts';

const { signal } = new AbortController();
const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
const value = Buffer.from('x');

requireBackend('OUTRIGGER_TEST_REDIS', start, () => {
  describe('state.redis when its server goes away', () => {
    it('answers every kind of call at once while the server is down', async () => {
      await using server = await TestServer.start();
      await using store = await createStore({ redisHost: server.host });
      await server.kill();
      const calls = [
        () => store.get({ key: 'k' }, signal),
        () => store.set({ key: 'k', value }, signal),
        () => store.set({ key: 'k', value, consistency: 'strong' }, signal),
        () => store.delete({ key: 'k' }, signal),
        () => store.getMany?.([{ key: 'k' }], signal),
        () => store.setMany?.([{ key: 'k', value }], signal),
        () => store.transact?.([{ operation: 'delete', key: 'k' }], {}, signal),
        () => store.keysLike?.({ pattern: '%' }, signal),
      ];
      for (const call of calls) {
        const asked = performance.now();
        await expect(call()).rejects.toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining(server.host),
        });
        expect(performance.now() - asked).toBeLessThan(200);
      }
    });

    it('says which server it cannot reach', async () => {
      await expect(createStore({ redisHost: '127.0.0.1:1' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/127\.0\.0\.1:1: .*redisHost/),
      });
    });
  });

  describe('strong consistency of state.redis', () => {
    it('waits for the replicas, and says so when one does not confirm', async () => {
      await using master = await TestServer.start();
      await using replica = await TestServer.start('--replicaof', '127.0.0.1', String(master.port));
      await using store = await createStore({ redisHost: master.host });
      await using copy = await createStore({ redisHost: replica.host });
      // a replica that is still catching up confirms nothing
      await vi.waitFor(() => store.set({ key: 'k', value, consistency: 'strong' }, signal), {
        timeout: 60_000,
        interval: 200,
      });
      await vi.waitFor(async () => expect(await copy.get({ key: 'k' }, signal)).toBeDefined(), { timeout: 60_000 });

      for (let index = 0; index < 20; index++) {
        await store.set({ key: `k${index}`, value, consistency: 'strong' }, signal);
        expect(await copy.get({ key: `k${index}` }, signal)).toBeDefined();
      }
      const operations = [{ operation: 'set', key: 't', value, consistency: 'strong' }] as const;
      await store.transact?.(operations, {}, signal);
      expect(await copy.get({ key: 't' }, signal)).toBeDefined();

      replica.freeze();
      const strong = store.set({ key: 'late', value, consistency: 'strong' }, signal);
      const unconfirmed = expect(strong).rejects.toMatchObject({
        code: 'deadline-exceeded',
        message: expect.stringContaining('0 of 1'),
      });
      const asked = performance.now();
      await store.set({ key: 'quick', value }, signal);
      expect(performance.now() - asked).toBeLessThan(500);
      await unconfirmed;
      replica.thaw();
    });

    it('one caller that gives up does not end the write of another', async () => {
      await using master = await TestServer.start('--repl-diskless-sync-delay', '0');
      await using replica = await TestServer.start('--replicaof', '127.0.0.1', String(master.port));
      await using copy = await createStore({ redisHost: replica.host });
      await using first = await createStore({ redisHost: master.host });
      await vi.waitFor(() => first.set({ key: 'k', value, consistency: 'strong' }, signal), {
        timeout: 60_000,
        interval: 200,
      });
      // its connection for such writes is made while both wait
      await using store = await createStore({ redisHost: master.host });
      const impatient = new AbortController();
      const gone = store.set({ key: 'a', value, consistency: 'strong' }, impatient.signal);
      const refused = expect(gone).rejects.toThrow('gone');
      const other = store.set({ key: 'b', value, consistency: 'strong' }, signal);
      await store.get({ key: 'k' }, signal);
      await new Promise(setImmediate);
      impatient.abort(new Error('gone'));
      await Promise.all([refused, other]);
      expect(await copy.get({ key: 'b' }, signal)).toBeDefined();
    });
  });
});
