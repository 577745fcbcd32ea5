import { requireBackend } from '@outrigger/conformance';
import { ComponentError } from '@outrigger/core';
import { administer, TestSentinels } from '@outrigger/redis-client/test-topologies';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createStore } from './create.ts';

const { signal } = new AbortController();
const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
const passwords = { data: 'data-password', sentinels: 'sentinel-password' };

requireBackend('OUTRIGGER_TEST_REDIS', start, () => {
  describe('state.redis behind sentinels', () => {
    let servers: TestSentinels;
    beforeAll(async () => {
      servers = await TestSentinels.start(passwords);
    });
    afterAll(() => servers[Symbol.asyncDispose]());
    const create = (properties = {}) =>
      createStore({
        redisHost: servers.host,
        failover: 'true',
        sentinelMasterName: 'main',
        redisPassword: passwords.data,
        sentinelPassword: passwords.sentinels,
        ...properties,
      });

    it.each([
      ['a wrong password of the sentinels', { sentinelPassword: 'wrong' }, 'invalid-argument', /sentinelPassword/],
      ['a wrong password of the master', { redisPassword: 'wrong' }, 'invalid-argument', /redisPassword/],
      ['a master that is not known', { sentinelMasterName: 'other' }, 'unavailable', /"?other"?.*sentinelMasterName/],
    ])('says so of %s', async (_, properties, code, message) => {
      await expect(create(properties)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    });

    it('keeps every write that was answered with strong consistency when the master dies, and goes on with the new one', async () => {
      await using store = await create();
      const acknowledged: string[] = [];
      let [refused, writing] = [0, true];
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let index = 0; writing; index++) {
          const key = `${writer}-${index}`;
          try {
            await store.set({ key, value: Buffer.from(key), consistency: 'strong' }, signal);
            acknowledged.push(key);
          } catch (error) {
            expect(ComponentError.is(error) && error.retryable).toBe(true);
            refused++;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      });
      const more = async () => {
        const target = acknowledged.length + 200;
        await vi.waitUntil(() => acknowledged.length >= target, { timeout: 60_000 });
      };
      await more();
      await servers.master.kill();
      await vi.waitUntil(() => refused > 0, { timeout: 60_000 });
      await more();
      writing = false;
      await Promise.all(writers);

      await using newMaster = await administer(servers.replica, { redisPassword: passwords.data });
      expect(String(await newMaster.send('ROLE', []))).toMatch(/^master/);
      const found = await store.getMany?.(
        acknowledged.map((key) => ({ key })),
        signal,
      );
      expect(found?.filter((outcome) => !outcome.ok || outcome.value === undefined)).toEqual([]);
    });
  });
});
