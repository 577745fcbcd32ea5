import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { TestCluster } from '@outrigger/redis-client/test-topologies';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from './create.ts';
import { quirks } from './quirks.ts';

const { signal } = new AbortController();
const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
const value = Buffer.from('x');

requireBackend('OUTRIGGER_TEST_REDIS', start, () => {
  describe('state.redis on a cluster of three masters', () => {
    let cluster: TestCluster;
    beforeAll(async () => {
      cluster = await TestCluster.start();
    });
    afterAll(() => cluster[Symbol.asyncDispose]());
    const create = () => createStore({ redisHost: cluster.host, redisType: 'cluster' });

    stateStoreConformance(create, {
      ...quirks,
      server: { kill: () => cluster.kill(), start: () => cluster.restart() },
    });

    it('does nothing of a transaction over several slots, and says what its keys need', async () => {
      await using store = await create();
      const set = (...keys: string[]) =>
        store.transact?.(
          keys.map((key) => ({ operation: 'set', key, value })),
          {},
          signal,
        );
      await expect(set('a', 'b', 'c')).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('{hash tag}'),
      });
      expect(await store.get({ key: 'a' }, signal)).toBeUndefined();
      await set('{one}a', '{one}b', '{one}c');
      expect(await store.get({ key: '{one}b' }, signal)).toMatchObject({ value });
    });

    it('tells of each entry of a bulk call whether its node took it', async () => {
      await using store = await create();
      const keys = Array.from({ length: 300 }, (_, index) => `bulk${index}`);
      const saved = await store.setMany?.(
        keys.map((key) => ({ key, value })),
        signal,
      );
      expect(saved?.every(({ ok }) => ok)).toBe(true);
      const [node] = cluster.nodes;
      await node?.kill();
      const read = await store.getMany?.(
        keys.map((key) => ({ key })),
        signal,
      );
      const lost = read?.filter(({ ok }) => !ok).length ?? 0;
      await node?.restart();
      expect(lost).toBeGreaterThan(50);
      expect(lost).toBeLessThan(150);
      await expect
        .poll(async () =>
          (
            await store.getMany?.(
              keys.map((key) => ({ key })),
              signal,
            )
          )?.every((outcome) => outcome.ok && outcome.value !== undefined),
        )
        .toBe(true);
    });
  });
});
