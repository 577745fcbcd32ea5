import { randomUUID } from 'node:crypto';
import { requireBackend } from '@outrigger/conformance';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, redisFields } from '@outrigger/redis-client';
import { TestServer } from '@outrigger/redis-client/test-server';
import { describe, expect, it, vi } from 'vitest';
import { createStore, howToStart } from './create.ts';

const { signal } = new AbortController();

requireBackend('OUTRIGGER_TEST_REDIS', howToStart, (redisHost) => {
  describe('lock.redis', () => {
    it('keeps the owner under the id, until it expires, as Dapr does', async () => {
      await using store = await createStore({ redisHost });
      await using raw = await connectRedis(parseMetadata(redisFields, { redisHost }).values, {
        logger: silentLogger,
        signal,
      });
      const resourceId = `lock||app||${randomUUID()}`;
      await store.tryLock({ resourceId, owner: 'me', expiryInSeconds: 60 }, signal);
      expect(String(await raw.send('GET', [resourceId]))).toBe('me');
      expect(await raw.send('TTL', [resourceId])).toBeGreaterThan(55);
      expect(await store.unlock({ resourceId, owner: 'me' }, signal)).toBe('unlocked');
      expect(await raw.send('EXISTS', [resourceId])).toBe(0);
    });

    it('refuses a cluster', async () => {
      await expect(createStore({ redisHost, redisType: 'cluster' })).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('redisType cluster'),
      });
    });

    it('refuses a server with replicas', async () => {
      await using master = await TestServer.start('--repl-diskless-sync-delay', '0');
      await using _replica = await TestServer.start('--replicaof', '127.0.0.1', String(master.port));
      await vi.waitFor(
        () =>
          expect(createStore({ redisHost: master.host })).rejects.toMatchObject({
            code: 'unsupported',
            message: expect.stringContaining(`Redis at ${master.host} has 1 replica`),
          }),
        { timeout: 60_000, interval: 100 },
      );
    });

    it('fails at once while the server is away, and works again when it is back', async () => {
      await using server = await TestServer.start();
      await using store = await createStore({ redisHost: server.host });
      await server.kill();
      const request = { resourceId: 'r', owner: 'me', expiryInSeconds: 60 };
      await expect(store.tryLock(request, signal)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.unlock(request, signal)).rejects.toMatchObject({ code: 'unavailable' });
      await server.restart();
      await vi.waitFor(async () => expect(await store.tryLock(request, signal)).toBe(true), { timeout: 60_000 });
    });
  });
});
