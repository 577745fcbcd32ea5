import { requireBackend } from '@outrigger/conformance';
import type { Message, PubSub } from '@outrigger/core';
import { Admin } from '@platformatic/kafka';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createPubSub, howToStartKafka } from './create.ts';
import { KafkaServer } from './kafka-server.ts';

const patient = { timeout: 60_000, interval: 50 };
const never = new AbortController().signal;

requireBackend('OUTRIGGER_TEST_KAFKA', howToStartKafka, (brokers) =>
  describe('pubsub.kafka', () => {
    const admin = new Admin({ clientId: 'tests', bootstrapBrokers: [brokers] });
    afterAll(() => admin.close());

    const quick = { sessionTimeout: '2s', heartbeatInterval: '500ms' };
    const create = (consumerGroup: string = randomUUID(), more: Record<string, string> = {}) =>
      createPubSub({ brokers, consumerGroup, ...quick, ...more });
    const newTopic = async (partitions = 1) => {
      const topic = `topic-${randomUUID()}`;
      await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
      return topic;
    };
    const publish = (pubSub: PubSub, topic: string, text: string, metadata = {}) =>
      pubSub.publish({ topic, data: Buffer.from(text), metadata }, never);
    const textOf = ({ data }: Message) => Buffer.from(data).toString();
    /** The committed offset of each partition. */
    const committed = async (group: string, topic: string) => {
      const [found] = await admin.listConsumerGroupOffsets({ groups: [group] });
      const partitions = found?.topics.find(({ name }) => name === topic)?.partitions ?? [];
      return partitions
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map((each) => Number(each.committedOffset));
    };

    it('hands over each partition in order, and one that is stuck does not hold up the others', async () => {
      const topic = await newTopic(3);
      await using pubSub = await create();
      const seen: string[][] = [[], [], []];
      const { promise: stuck, resolve: free } = Promise.withResolvers<void>();
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => {
          const partition = Number(message.metadata['__partition']);
          if (partition === 1) await stuck;
          seen[partition]?.push(textOf(message));
        },
        never,
      );
      const texts = Array.from({ length: 50 }, (_, index) => String(index));
      for (const text of texts) {
        await Promise.all(['0', '1', '2'].map((partitionNumber) => publish(pubSub, topic, text, { partitionNumber })));
      }
      await vi.waitFor(() => expect([seen[0], seen[2]]).toEqual([texts, texts]), patient);
      expect(seen[1]).toEqual([]);
      free();
      await vi.waitFor(() => expect(seen[1]).toEqual(texts), patient);
    });

    it('commits what is handled, never past a message that fails, and goes on there after a restart', async () => {
      const [topic, group] = [await newTopic(), randomUUID()];
      const seen: string[] = [];
      {
        await using pubSub = await create(group);
        await using _ = await pubSub.subscribe(
          { topic, metadata: {} },
          async (message) => {
            seen.push(textOf(message));
            if (textOf(message) === 'c') throw new Error('fails');
          },
          never,
        );
        for (const text of ['a', 'b', 'c', 'd']) await publish(pubSub, topic, text);
        await vi.waitFor(() => expect(seen.length).toBeGreaterThan(4), patient);
        await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([2]), patient);
      }
      expect(new Set(seen)).toEqual(new Set(['a', 'b', 'c']));
      expect(await committed(group, topic)).toEqual([2]);

      const after: string[] = [];
      await using pubSub = await create(group);
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async (m) => void after.push(textOf(m)), never);
      await vi.waitFor(() => expect(after).toEqual(['c', 'd']), patient);
      await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([4]), patient);
    });

    it('members that come and go move no offset past a message that fails', async () => {
      const [topic, group] = [await newTopic(4), randomUUID()];
      await using one = await create(group);
      const handled: string[] = [];
      let failing = true;
      const handler = async (message: Message) => {
        if (failing && textOf(message) === 'bad') throw new Error('fails');
        handled.push(textOf(message));
      };
      await using _ = await one.subscribe({ topic, metadata: {} }, handler, never);
      await publish(one, topic, 'bad', { partitionNumber: '2' });
      await publish(one, topic, 'behind', { partitionNumber: '2' });
      for (let round = 0; round < 3; round++) {
        await using two = await create(group);
        await using subscription = await two.subscribe({ topic, metadata: {} }, handler, never);
        for (const partitionNumber of ['0', '1', '3']) await publish(one, topic, `${round}`, { partitionNumber });
        await vi.waitFor(() => expect(handled).toHaveLength(3 * (round + 1)), patient);
        await subscription.pause();
      }
      await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([3, 3, 0, 3]), patient);
      failing = false;
      await vi.waitFor(() => expect(handled.slice(-2)).toEqual(['bad', 'behind']), patient);
      await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([3, 3, 2, 3]), patient);
    });

    it('a handler that takes longer than sessionTimeout keeps its partition', async () => {
      const [topic, group] = [await newTopic(), randomUUID()];
      await using one = await create(group);
      let handed = 0;
      await using _ = await one.subscribe(
        { topic, metadata: {} },
        async () => {
          handed++;
          await delay(6000);
        },
        never,
      );
      await publish(one, topic, 'slow');
      await vi.waitFor(() => expect(handed).toBe(1), patient);
      await delay(3000);
      await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([1]), patient);
      expect(handed).toBe(1);
    });

    it('what was published while nobody ran is not missed, although no message was ever handled', async () => {
      const [topic, group] = [await newTopic(2), randomUUID()];
      {
        await using pubSub = await create(group);
        await publish(pubSub, topic, 'before');
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, async () => {}, never);
      }
      await using pubSub = await create(group);
      await publish(pubSub, topic, 'meanwhile');
      const seen: string[] = [];
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async (m) => void seen.push(textOf(m)), never);
      await publish(pubSub, topic, 'after');
      await vi.waitFor(() => expect(seen.toSorted()).toEqual(['after', 'meanwhile']), patient);
    });

    it('a new group begins with the oldest message where initialOffset says so', async () => {
      const topic = await newTopic();
      await using pubSub = await create(undefined, { initialOffset: 'oldest' });
      await publish(pubSub, topic, 'before');
      const seen: string[] = [];
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async (m) => void seen.push(textOf(m)), never);
      await vi.waitFor(() => expect(seen).toEqual(['before']), patient);
    });

    it('metadata becomes headers and comes back with what Kafka says of the message', async () => {
      const topic = await newTopic(3);
      await using pubSub = await create(undefined, { excludeHeaderMetaRegex: '^secret' });
      const seen: Message[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void seen.push(message),
        never,
      );
      const begin = Date.now();
      await publish(pubSub, topic, 'x', { partitionNumber: '1', __key: 'ä b', other: 'ö', secretNote: 'y' });
      await vi.waitFor(() => expect(seen).toHaveLength(1), patient);
      expect(seen[0]?.topic).toBe(topic);
      expect(seen[0]?.metadata).toEqual({
        __key: 'ä b',
        __topic: topic,
        __partition: '1',
        __offset: '0',
        __timestamp: expect.stringMatching(/^\d{13}$/),
        partitionNumber: '1',
        other: 'ö',
      });
      expect(Number(seen[0]?.metadata['__timestamp'])).toBeGreaterThanOrEqual(begin - 1000);
    });

    it('escapeHeaders makes values safe for HTTP', async () => {
      const topic = await newTopic();
      await using pubSub = await create(undefined, { escapeHeaders: 'true' });
      const seen: Message[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void seen.push(message),
        never,
      );
      await publish(pubSub, topic, 'x', { partitionKey: 'ä b', other: 'c\nd' });
      await vi.waitFor(() => expect(seen).toHaveLength(1), patient);
      expect(seen[0]?.metadata).toMatchObject({ __key: '%C3%A4+b', other: 'c%0Ad' });
    });

    it('messages of one key go to one partition', async () => {
      const topic = await newTopic(5);
      await using pubSub = await create();
      const seen = new Map<string, Set<string>>();
      let count = 0;
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async ({ metadata }) => {
          const key = metadata['__key'] ?? '';
          seen.set(key, (seen.get(key) ?? new Set()).add(metadata['__partition'] ?? ''));
          count++;
        },
        never,
      );
      for (let index = 0; index < 60; index++) await publish(pubSub, topic, 'x', { partitionKey: `key ${index % 20}` });
      await vi.waitFor(() => expect(count).toBe(60), patient);
      expect([...seen.values()].every((partitions) => partitions.size === 1)).toBe(true);
      expect(new Set([...seen.values()].flatMap((each) => [...each])).size).toBeGreaterThan(2);
    });

    it('a tombstone is null as JSON, both ways', async () => {
      const topic = await newTopic();
      await using pubSub = await create();
      const seen: string[] = [];
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async (m) => void seen.push(textOf(m)), never);
      await publish(pubSub, topic, 'null', { partitionKey: 'gone' });
      await vi.waitFor(() => expect(seen).toEqual(['null']), patient);
    });

    it.each(['gzip', 'snappy', 'lz4', 'zstd'])('messages compressed with %s arrive', async (compression) => {
      const topic = await newTopic();
      await using pubSub = await create(undefined, { compression });
      const seen: string[] = [];
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async (m) => void seen.push(textOf(m)), never);
      const texts = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(100));
      await Promise.all(texts.map((text) => publish(pubSub, topic, text)));
      await vi.waitFor(() => expect(seen).toEqual(texts), patient);
    });

    it.each(['range', 'roundrobin', 'sticky'])('two members share the partitions, with %s', async (strategy) => {
      const [topic, group] = [await newTopic(6), randomUUID()];
      const more = { consumerGroupRebalanceStrategy: strategy };
      await using one = await create(group, more);
      await using two = await create(group, more);
      const partitions: [Set<string>, Set<string>] = [new Set(), new Set()];
      let count = 0;
      const handler = (which: 0 | 1) => async (message: Message) => {
        partitions[which].add(message.metadata['__partition'] ?? '');
        count++;
      };
      await using _a = await one.subscribe({ topic, metadata: {} }, handler(0), never);
      await using _b = await two.subscribe({ topic, metadata: {} }, handler(1), never);
      for (let index = 0; index < 12; index++) await publish(one, topic, 'x', { partitionNumber: String(index % 6) });
      await vi.waitFor(() => expect(count).toBe(12), patient);
      expect(partitions.map((each) => each.size)).toEqual([3, 3]);
    });

    it('with consumeRetryEnabled off a message that failed comes again after a second', async () => {
      const topic = await newTopic();
      await using pubSub = await create(undefined, { consumeRetryEnabled: 'false' });
      const times: number[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async () => {
          if (times.push(Date.now()) === 1) throw new Error('fails once');
        },
        never,
      );
      await publish(pubSub, topic, 'x');
      await vi.waitFor(() => expect(times).toHaveLength(2), patient);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
    });

    it('a partition that a topic gets later is read from its beginning', async () => {
      const topic = await newTopic();
      await using pubSub = await create(undefined, { clientConnectionTopicMetadataRefreshInterval: '500ms' });
      const seen: string[] = [];
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async (m) => void seen.push(textOf(m)), never);
      await admin.createPartitions({ topics: [{ name: topic, count: 2, assignments: [{ brokerIds: [1] }] }] });
      await vi.waitFor(() => publish(pubSub, topic, 'first of the new one', { partitionNumber: '1' }), patient);
      await vi.waitFor(() => expect(seen).toEqual(['first of the new one']), patient);
    });

    it('goes on with the oldest message there is when retention has taken those it was to read', async () => {
      const [topic, group] = [await newTopic(), randomUUID()];
      await using pubSub = await create(group);
      const seen: string[] = [];
      const handler = async (message: Message) => void seen.push(textOf(message));
      await (await pubSub.subscribe({ topic, metadata: {} }, handler, never))[Symbol.asyncDispose]();
      for (const text of ['a', 'b', 'c']) await publish(pubSub, topic, text);
      await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 2n }] }] });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await vi.waitFor(() => expect(seen).toEqual(['c']), patient);
    });

    it('a batch that fails in part commits up to the first failure, and only what failed comes again', async () => {
      const [topic, group] = [await newTopic(), randomUUID()];
      await using pubSub = await create(group);
      const batches: string[][] = [];
      let failing = true;
      await using _ = await pubSub.subscribeMany?.(
        { topic, metadata: {}, maxMessagesCount: 4, maxAwaitDurationMs: 5000 },
        async (messages) => {
          batches.push(messages.map(textOf));
          return messages.map((m) =>
            failing && textOf(m) === 'b' ? { ok: false, error: new Error('fails') } : { ok: true, value: undefined },
          );
        },
        never,
      );
      for (const text of ['a', 'b', 'c', 'd']) await publish(pubSub, topic, text);
      await vi.waitFor(() => expect(batches.slice(0, 2)).toEqual([['a', 'b', 'c', 'd'], ['b']]), patient);
      await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([1]), patient);
      failing = false;
      await vi.waitFor(async () => expect(await committed(group, topic)).toEqual([4]), patient);
    });

    it.each([
      ['7', 'partitions 0 to 0 only'],
      ['-1', 'a whole number'],
      ['one', 'a whole number'],
    ])('refuses partitionNumber %s', async (partitionNumber, message) => {
      const topic = await newTopic();
      await using pubSub = await create();
      await expect(publish(pubSub, topic, 'x', { partitionNumber })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(message),
      });
    });

    it('refuses a message that is too large, a schema, and a topic that Kafka would not take', async () => {
      await using pubSub = await create(undefined, { maxMessageBytes: '1000' });
      const topic = await newTopic();
      await expect(publish(pubSub, topic, 'x'.repeat(1001))).rejects.toThrow('maxMessageBytes');
      await expect(publish(pubSub, topic, 'x', { valueSchemaType: 'Avro' })).rejects.toMatchObject({
        code: 'unsupported',
      });
      await expect(publish(pubSub, 'no topic', 'x')).rejects.toMatchObject({ code: 'invalid-argument' });
    });

    it('needs a consumer group, or an app id, only to subscribe', async () => {
      await using pubSub = await createPubSub({ brokers }, { appId: '' });
      const topic = await newTopic();
      await expect(publish(pubSub, topic, 'x')).resolves.toBeUndefined();
      await expect(pubSub.subscribe({ topic, metadata: {} }, async () => {}, never)).rejects.toThrow('consumerGroup');
    });

    it('members with different strategies are told apart with a clear error', async () => {
      const [topic, group] = [await newTopic(), randomUUID()];
      await using one = await create(group);
      await using two = await create(group, { consumerGroupRebalanceStrategy: 'roundrobin' });
      await using _ = await one.subscribe({ topic, metadata: {} }, async () => {}, never);
      await expect(two.subscribe({ topic, metadata: {} }, async () => {}, never)).rejects.toThrow(
        'consumerGroupRebalanceStrategy',
      );
    });

    it.skipIf(!KafkaServer.isInstalled)('names a topic that is missing where brokers make none', async () => {
      await using server = await KafkaServer.start({ KAFKA_AUTO_CREATE: 'false' });
      await using pubSub = await createPubSub({ brokers: server.address });
      const missing = { code: 'not-found', message: expect.stringMatching(/topic "absent" does not exist.*create it/) };
      await expect(publish(pubSub, 'absent', 'x')).rejects.toMatchObject(missing);
      await expect(pubSub.subscribe({ topic: 'absent', metadata: {} }, async () => {}, never)).rejects.toMatchObject(
        missing,
      );
    });
  }),
);
