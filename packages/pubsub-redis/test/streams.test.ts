import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseMetadata, type PubSub, silentLogger } from '@outrigger/core';
import { connectRedis, redisFields, type RedisConnection, type RedisReply } from '@outrigger/redis-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { requireBackend } from '@outrigger/conformance';
import { createPubSub } from './create.ts';
import { howToStartRedis } from './redis-server.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 5 };

/** A reply with its Buffers as texts. */
function plain(reply: RedisReply): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return Array.isArray(reply) ? (reply as RedisReply[]).map(plain) : reply;
}

requireBackend('OUTRIGGER_TEST_REDIS', howToStartRedis, (redisHost) =>
  describe('pubsub.redis on the server', () => {
    let redis: RedisConnection;
    beforeAll(async () => {
      redis = await connectRedis(parseMetadata(redisFields, { redisHost }).values, {
        logger: silentLogger,
        signal: never,
      });
    });
    afterAll(() => redis[Symbol.asyncDispose]());

    const create = (consumerID: string, more: Record<string, string> = {}) =>
      createPubSub({ redisHost, consumerID, redeliverInterval: '100ms', processingTimeout: '600ms', ...more });
    const publish = (pubSub: PubSub, topic: string, text: string, metadata = {}) =>
      pubSub.publish({ topic, data: Buffer.from(text), metadata }, never);
    const newTopic = () => `topic-${randomUUID()}`;
    const consumers = async (topic: string, group: string) =>
      (plain(await redis.send('XINFO', ['CONSUMERS', topic, group])) as unknown[][]).map((row) => row[1]);

    it('writes the fields that Dapr reads', async () => {
      await using pubSub = await create('app');
      const topic = newTopic();
      await publish(pubSub, topic, 'one', { ttlInSeconds: '5', key: 'ä' });
      await publish(pubSub, topic, 'two');
      const entries = plain(await redis.send('XRANGE', [topic, '-', '+'])) as [string, string[]][];
      expect(entries.map(([, fields]) => fields)).toEqual([
        ['data', 'one', 'metadata', '{"ttlInSeconds":"5","key":"ä"}'],
        ['data', 'two'],
      ]);
    });

    it('reads what Dapr and others wrote, from the beginning of the stream', async () => {
      const topic = newTopic();
      await redis.send('XADD', [topic, '*', 'data', 'from dapr', 'metadata', '{"a":"1"}']);
      await redis.send('XADD', [topic, '*', 'other', 'x', 'metadata', 'not json']);
      await using pubSub = await create('app');
      const seen: unknown[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async ({ data, metadata }) => void seen.push([Buffer.from(data).toString(), metadata]),
        never,
      );
      await vi.waitFor(
        () =>
          expect(seen).toEqual([
            ['from dapr', { a: '1' }],
            ['', {}],
          ]),
        patient,
      );
    });

    it('leaves a message to a slow handler that lives, however long it takes', async () => {
      const topic = newTopic();
      await using one = await create('app');
      await using two = await create('app');
      let handed = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      const handler = () => {
        handed++;
        return promise;
      };
      await using _a = await one.subscribe({ topic, metadata: {} }, handler, never);
      await using _b = await two.subscribe({ topic, metadata: {} }, handler, never);
      try {
        await publish(one, topic, 'slow');
        await delay(1800);
        expect(handed).toBe(1);
      } finally {
        resolve();
      }
    });

    it('a paused subscription leaves what it had fetched to another instance', async () => {
      const topic = newTopic();
      await using one = await create('app', { concurrency: '1' });
      const { promise, resolve } = Promise.withResolvers<void>();
      let handed = 0;
      const paused = await one.subscribe({ topic, metadata: {} }, () => (handed++, promise), never);
      for (let index = 0; index < 20; index++) await publish(one, topic, String(index));
      await vi.waitFor(() => expect(handed).toBe(1), patient);
      await paused.pause();

      await using two = await create('app');
      const seen = new Set<string>();
      await using _ = await two.subscribe(
        { topic, metadata: {} },
        async ({ data }) => void seen.add(Buffer.from(data).toString()),
        never,
      );
      await vi.waitFor(() => expect(seen.size).toBe(19), patient);
      resolve();
    });

    it('acknowledges what it handled and leaves no consumer behind', async () => {
      const topic = newTopic();
      await using pubSub = await create('app');
      let handled = 0;
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, async () => void handled++, never);
      for (let index = 0; index < 50; index++) await publish(pubSub, topic, String(index));
      await vi.waitFor(() => expect(handled).toBe(50), patient);
      expect(await consumers(topic, 'app')).toHaveLength(1);
      await subscription[Symbol.asyncDispose]();
      expect(plain(await redis.send('XPENDING', [topic, 'app']))).toEqual([0, null, null, null]);
      expect(await consumers(topic, 'app')).toEqual([]);
    });

    it('forgets a failed message that the stream has been trimmed past', async () => {
      const topic = newTopic();
      await using pubSub = await create('app');
      const seen: string[] = [];
      const handler = async ({ data }: { data: Uint8Array }) => {
        seen.push(Buffer.from(data).toString());
        if (seen.length === 1) {
          await redis.send('XTRIM', [topic, 'MAXLEN', 0]);
          throw new Error('fails');
        }
      };
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await publish(pubSub, topic, 'trimmed');
      await vi.waitFor(() => expect(seen).toEqual(['trimmed']), patient);
      await publish(pubSub, topic, 'next');
      await vi.waitFor(() => expect(seen).toEqual(['trimmed', 'next']), patient);
      await vi.waitFor(
        async () => expect(plain(await redis.send('XPENDING', [topic, 'app']))).toEqual([0, null, null, null]),
        patient,
      );
    });

    it('what is still being handled at the end is not given to another, however long it takes', async () => {
      const topic = newTopic();
      await using pubSub = await create('app');
      const started = Promise.withResolvers<void>();
      const first = await pubSub.subscribe(
        { topic, metadata: {} },
        async () => {
          started.resolve();
          await delay(1500); // more than twice processingTimeout
        },
        never,
      );
      await publish(pubSub, topic, 'slow');
      await started.promise;
      const seen: string[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async ({ data }) => void seen.push(Buffer.from(data).toString()),
        never,
      );
      await first[Symbol.asyncDispose]();
      await publish(pubSub, topic, 'next');
      await vi.waitFor(() => expect(seen).toContain('next'), patient);
      expect(seen).toEqual(['next']);
    });

    it('goes on after more failures at a time than it can hold', async () => {
      const topic = newTopic();
      // 20 failed messages end the fetching of new ones
      await using pubSub = await create('app', { queueDepth: '2' });
      const handled = new Set<string>();
      let outage = true;
      let failures = 0;
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async ({ data }) => {
          if (outage) failures++;
          if (outage) throw new Error('not now');
          handled.add(Buffer.from(data).toString());
        },
        never,
      );
      await Promise.all(Array.from({ length: 40 }, (_, index) => publish(pubSub, topic, String(index))));
      await vi.waitFor(() => expect(failures).toBeGreaterThan(25), patient);
      outage = false;
      await vi.waitFor(() => expect(handled.size).toBe(40), patient);
    });

    it.each([
      ['maxLenApprox', '100'],
      ['streamTTL', '1ms'],
    ])('trims the stream by %s', async (name, value) => {
      const topic = newTopic();
      await using pubSub = await create('app', { [name]: value });
      await Promise.all(Array.from({ length: 400 }, (_, index) => publish(pubSub, topic, String(index))));
      await vi.waitFor(() => publish(pubSub, topic, 'last'), patient);
      // trimming is approximate: by whole nodes of 100 entries
      expect(await redis.send('XLEN', [topic])).toBeLessThan(400);
    });

    it('needs a consumer id, or an app id, only to subscribe', async () => {
      await using pubSub = await createPubSub({ redisHost }, { appId: '' });
      await expect(publish(pubSub, newTopic(), 'x')).resolves.toBeUndefined();
      await expect(pubSub.subscribe({ topic: newTopic(), metadata: {} }, async () => {}, never)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('consumerID'),
      });
    });
  }),
);
