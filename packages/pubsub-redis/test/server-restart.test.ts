import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { hasRedisServer, RedisServer } from './redis-server.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 5 };

// starts and kills servers of its own
describe.skipIf(!hasRedisServer)('pubsub.redis when its server goes away', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const create = (consumerID: string) =>
    createPubSub({
      redisHost: server.host,
      consumerID,
      redeliverInterval: '200ms',
      processingTimeout: '2s',
      queueDepth: '20',
    });

  it('loses no acknowledged publish when the server is killed twice while messages flow', async () => {
    await using publisher = await create('publisher');
    await using consumer = await create('consumer');
    const topic = 'flow';
    const handled = new Set<string>();
    const handler = async ({ data }: { data: Uint8Array }) => {
      await delay(1);
      if (Math.random() < 0.1) throw new Error('now and then');
      handled.add(Buffer.from(data).toString());
    };
    await using _ = await consumer.subscribe({ topic, metadata: {} }, handler, never);

    const acknowledged: string[] = [];
    let refused = 0;
    let publishing = true;
    const publishers = Array.from({ length: 4 }, async (_, lane) => {
      for (let index = 0; publishing; index++) {
        const text = `${lane}-${index}`;
        try {
          await publisher.publish({ topic, data: Buffer.from(text), metadata: {} }, never);
          acknowledged.push(text);
          await delay(1);
        } catch (error) {
          expect(ComponentError.is(error) && error.retryable).toBe(true);
          refused++;
          await delay(5);
        }
      }
    });
    for (let round = 1; round <= 2; round++) {
      const target = acknowledged.length + 200;
      await vi.waitUntil(() => acknowledged.length >= target, patient);
      const before = refused;
      await server.kill();
      await vi.waitUntil(() => refused > before, patient);
      await server.start();
    }
    const target = acknowledged.length + 200;
    await vi.waitUntil(() => acknowledged.length >= target, patient);
    publishing = false;
    await Promise.all(publishers);

    await vi.waitFor(() => expect(acknowledged.filter((text) => !handled.has(text))).toEqual([]), patient);
  });

  it('refuses a publish at once while the server is down, and comes back by itself', async () => {
    await using pubSub = await create('app');
    const handled: string[] = [];
    await using _ = await pubSub.subscribe(
      { topic: 'down', metadata: {} },
      async ({ data }) => void handled.push(Buffer.from(data).toString()),
      never,
    );
    const publish = (text: string) => pubSub.publish({ topic: 'down', data: Buffer.from(text), metadata: {} }, never);
    await server.kill();
    await vi.waitFor(async () => {
      const asked = Date.now();
      await expect(publish('lost')).rejects.toMatchObject({ code: 'unavailable' });
      expect(Date.now() - asked).toBeLessThan(200);
    });
    await server.start();
    await vi.waitFor(() => publish('found'), patient);
    await vi.waitFor(() => expect(handled).toContain('found'), patient);
  });

  it('makes the group again when all data was deleted under it', async () => {
    await using pubSub = await create('app');
    await using connection = await server.connect();
    const handled: string[] = [];
    await using _ = await pubSub.subscribe(
      { topic: 'flushed', metadata: {} },
      async ({ data }) => void handled.push(Buffer.from(data).toString()),
      never,
    );
    const publish = (text: string) =>
      pubSub.publish({ topic: 'flushed', data: Buffer.from(text), metadata: {} }, never);
    await publish('before');
    await vi.waitFor(() => expect(handled).toEqual(['before']), patient);
    await connection.send('FLUSHALL', []);
    await publish('after');
    await vi.waitFor(() => expect(handled).toEqual(['before', 'after']), patient);
  });

  it('ends a subscription while the server is down', async () => {
    const pubSub = await create('app');
    await pubSub.subscribe({ topic: 'closing', metadata: {} }, async () => {}, never);
    await server.kill();
    await pubSub[Symbol.asyncDispose]();
    await server.start();
    await using again = await create('app');
    await expect(
      again.publish({ topic: 'closing', data: Buffer.from('x'), metadata: {} }, never),
    ).resolves.toBeUndefined();
  });
});
