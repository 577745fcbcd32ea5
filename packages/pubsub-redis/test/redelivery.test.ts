import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { requireBackend } from '@outrigger/conformance';
import { type Logger, parseMetadata, type PubSub, silentLogger } from '@outrigger/core';
import { connectRedis, redisFields, type RedisConnection } from '@outrigger/redis-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { collect, never, patient, publish } from './ledger.ts';
import { howToStartRedis } from './redis-server.ts';

const textOf = ({ data }: { data: Uint8Array }) => Buffer.from(data).toString();

requireBackend('OUTRIGGER_TEST_REDIS', howToStartRedis, (redisHost) =>
  describe('pubsub.redis and messages that come again', () => {
    let redis: RedisConnection;
    beforeAll(async () => {
      const { values } = parseMetadata(redisFields, { redisHost });
      redis = await connectRedis(values, { logger: silentLogger, signal: never });
    });
    afterAll(() => redis[Symbol.asyncDispose]());

    const create = (more: Record<string, string> = {}, logger: Logger = silentLogger) =>
      createPubSub(
        { redisHost, consumerID: 'app', redeliverInterval: '100ms', processingTimeout: '600ms', ...more },
        { logger },
      );
    const newTopic = () => `topic-${randomUUID()}`;
    const failing = (pubSub: PubSub, topic: string, attempts: string[] = []) =>
      pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => {
          attempts.push(textOf(message));
          throw new Error('fails here');
        },
        never,
      );
    /** How many messages each consumer of the group holds; those that were given back stand under the name of the group. */
    const held = async (topic: string): Promise<Record<string, number>> => {
      const summary = (await redis.send('XPENDING', [topic, 'app'])) as unknown[];
      const rows = (summary[3] ?? []) as [Buffer, Buffer][];
      return Object.fromEntries(rows.map(([name, count]) => [String(name), Number(String(count))]));
    };

    it('what fails on one instance goes to another, while the first still lives', async () => {
      const topic = newTopic();
      await using broken = await create();
      const attempts: string[] = [];
      await using _ = await failing(broken, topic, attempts);
      await publish(broken, topic, 'x');
      await vi.waitFor(() => expect(attempts.length).toBeGreaterThan(1), patient);
      await using healthy = await create();
      await using inbox = await collect(healthy, topic);
      await vi.waitFor(() => expect(inbox.seen).toEqual(['x']), patient);
    });

    it('tries again also while new messages come faster than they are handled', async () => {
      const topic = newTopic();
      await using pubSub = await create({ queueDepth: '10', concurrency: '2' });
      let failures = 0;
      let handled = 0;
      let publishing = true;
      const handler = async (message: { data: Uint8Array }) => {
        if (textOf(message) !== 'poison') {
          handled++;
          await delay(1);
        } else if (++failures < 3) throw new Error('not yet');
      };
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await publish(pubSub, topic, 'poison');
      const load = (async () => {
        while (publishing) await Promise.all(Array.from({ length: 20 }, () => publish(pubSub, topic, 'x')));
      })();
      try {
        await vi.waitFor(() => expect(failures).toBe(3), { timeout: 60_000, interval: 20 });
      } finally {
        publishing = false;
        await load;
      }
      expect(handled).toBeGreaterThan(0);
    });

    it('a pause gives back all that is not being handled, whatever is renewed at the same moment', async () => {
      const topic = newTopic();
      await using pubSub = await create({ processingTimeout: '15ms', concurrency: '1', redeliverInterval: '10s' });
      using gate = { ...Promise.withResolvers<void>(), [Symbol.dispose]: () => gate.resolve() };
      let handed = 0;
      const subscription = await pubSub.subscribe({ topic, metadata: {} }, () => (handed++, gate.promise), never);
      await Promise.all(Array.from({ length: 20 }, (_, index) => publish(pubSub, topic, String(index))));
      await vi.waitFor(() => expect(handed).toBe(1), patient);
      for (let round = 0; round < 20; round++) {
        await vi.waitFor(async () => expect((await held(topic))['app'] ?? 0).toBe(0), patient);
        await delay(round);
        await subscription.pause();
        await delay(20);
        expect(Object.values(await held(topic)).toSorted((a, b) => a - b)).toEqual([1, 19]);
        expect((await held(topic))['app']).toBe(19);
        await subscription.resume();
      }
      gate.resolve();
    });

    it('redeliverInterval 0: what failed is tried again only when an instance starts', async () => {
      const topic = newTopic();
      await using pubSub = await create({ redeliverInterval: '0', processingTimeout: '100ms', queueDepth: '2' });
      const attempts: string[] = [];
      await using _ = await failing(pubSub, topic, attempts);
      const all = Array.from({ length: 50 }, (__, index) => String(index));
      await Promise.all(all.map((text) => publish(pubSub, topic, text)));
      await vi.waitFor(() => expect(attempts).toHaveLength(50), patient);
      await delay(500);
      expect(attempts).toHaveLength(50);
      await using next = await create({ redeliverInterval: '0' });
      await using inbox = await collect(next, topic);
      await vi.waitFor(() => expect(inbox.seen).toHaveLength(50), patient);
    });

    it('processingTimeout 0: what a consumer holds stays with it, and what failed still comes again', async () => {
      const topic = newTopic();
      await using one = await create({ processingTimeout: '0' });
      await using two = await create({ processingTimeout: '0' });
      using gate = { ...Promise.withResolvers<void>(), [Symbol.dispose]: () => gate.resolve() };
      const handed: string[] = [];
      const handler = async (message: { data: Uint8Array }) => {
        handed.push(textOf(message));
        if (textOf(message) === 'slow') await gate.promise;
        else if (handed.filter((text) => text === 'fails').length < 3) throw new Error('not yet');
      };
      await using _a = await one.subscribe({ topic, metadata: {} }, handler, never);
      await using _b = await two.subscribe({ topic, metadata: {} }, handler, never);
      await publish(one, topic, 'slow');
      await publish(one, topic, 'fails');
      await vi.waitFor(() => expect(handed.filter((text) => text === 'fails')).toHaveLength(3), patient);
      expect(handed.filter((text) => text === 'slow')).toHaveLength(1);
      gate.resolve();
    });

    it.each([
      ['the group', (topic: string) => redis.send('XGROUP', ['DESTROY', topic, 'app'])],
      ['the stream', (topic: string) => redis.send('DEL', [topic])],
    ])('when %s is deleted it is made again, and that is said once', async (_, destroy) => {
      const topic = newTopic();
      const warnings: string[] = [];
      const logger: Logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
      await using pubSub = await create({}, logger);
      await using inbox = await collect(pubSub, topic);
      await publish(pubSub, topic, 'before');
      await vi.waitFor(() => expect(inbox.seen).toEqual(['before']), patient);
      await destroy(topic);
      await publish(pubSub, topic, 'after');
      await vi.waitFor(() => expect(inbox.seen).toContain('after'), patient);
      await delay(300);
      expect(warnings).toEqual([expect.stringMatching(new RegExp(`"${topic}".*deleted in Redis.*made again`))]);
    });

    it('large messages are fetched a few at a time', async () => {
      const topic = newTopic();
      await using pubSub = await create();
      using gate = { ...Promise.withResolvers<void>(), [Symbol.dispose]: () => gate.resolve() };
      for (let index = 0; index < 30; index++) {
        await pubSub.publish({ topic, data: Buffer.alloc(2 * 1024 * 1024, index), metadata: {} }, never);
      }
      let handled = 0;
      const handler = async () => {
        await gate.promise;
        handled++;
      };
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await vi.waitFor(async () => expect(Object.keys(await held(topic))).toHaveLength(1), patient);
      await delay(300);
      expect(Object.values(await held(topic))[0]).toBeLessThanOrEqual(12);
      gate.resolve();
      await vi.waitFor(() => expect(handled).toBe(30), patient);
      await redis.send('DEL', [topic]);
    });

    it('a bulk publish of many entries keeps their order, their metadata and the length of the stream', async () => {
      const topic = newTopic();
      await using pubSub = await create({ maxLenApprox: '200' });
      const entries = Array.from({ length: 600 }, (_, index) => ({
        entryId: String(index),
        data: Buffer.from(String(index)),
        contentType: 'text/plain',
        metadata: index % 2 === 0 ? {} : { odd: String(index) },
      }));
      const outcomes = await pubSub.publishMany?.({ topic, entries, metadata: {} }, never);
      expect(outcomes?.filter(({ ok }) => ok)).toHaveLength(600);
      expect(await redis.send('XLEN', [topic])).toBeLessThan(400);
      const seen: [string, string | undefined][] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void seen.push([textOf(message), message.metadata['odd']]),
        never,
      );
      await vi.waitFor(() => expect(seen.at(-1)?.[0]).toBe('599'), patient);
      const expected = entries.slice(-seen.length).map(({ entryId, metadata }) => [entryId, metadata.odd]);
      expect(seen).toEqual(expected);
    });
  }),
);
