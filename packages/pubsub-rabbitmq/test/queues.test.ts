import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { requireBackend } from '@outrigger/conformance';
import { DropMessage, type Message, type PubSub } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { Management } from './management.ts';
import { howToStartRabbitMq } from './rabbitmq-server.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 20 };
const textOf = ({ data }: Message) => Buffer.from(data).toString();

requireBackend('OUTRIGGER_TEST_RABBITMQ', howToStartRabbitMq, (hostname) => {
  const managementAddress = process.env['OUTRIGGER_TEST_RABBITMQ_MANAGEMENT'];
  const management = new Management(managementAddress ?? '');
  const create = (more: Record<string, string> = {}) =>
    createPubSub({ hostname, redeliverInterval: '100ms', reconnectWaitSeconds: '1s', ...more });
  const publish = (pubSub: PubSub, topic: string, text: string, metadata = {}) =>
    pubSub.publish({ topic, data: Buffer.from(text), metadata }, never);
  const newTopic = () => `topic-${randomUUID()}`;

  describe('queues of pubsub.rabbitmq', () => {
    it('a message that fails goes to the dead-letter queue after one try, where that is asked for', async () => {
      const topic = newTopic();
      await using pubSub = await create({ enableDeadLetter: 'true' });
      let tries = 0;
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => {
          if (textOf(message) === 'bad') {
            tries++;
            throw new Error('no');
          }
        },
        never,
      );
      await publish(pubSub, topic, 'bad');
      const dead: Message[] = [];
      // the dead-letter queue is read like any other
      await using _dead = await pubSub.subscribe(
        { topic: `dlx-app-${topic}`, metadata: { queueName: `dlq-of-${topic}` } },
        async (message) => void dead.push(message),
        never,
      );
      await publish(pubSub, topic, 'bad');
      await vi.waitFor(() => expect(dead.map(textOf)).toEqual(['bad']), patient);
      expect(tries).toBe(2);
      expect(dead[0]?.metadata['x-death']).toContain('rejected');
    });

    it('a message that fails because its subscription leaves is not dead-lettered', async () => {
      const topic = newTopic();
      await using pubSub = await create({ enableDeadLetter: 'true' });
      const handed = Promise.withResolvers<void>();
      const fail = Promise.withResolvers<void>();
      const leaving = await pubSub.subscribe(
        { topic, metadata: {} },
        async () => {
          handed.resolve();
          await fail.promise;
        },
        never,
      );
      await publish(pubSub, topic, 'again');
      await handed.promise;
      const left = leaving[Symbol.asyncDispose]();
      fail.reject(new Error('the app is gone'));
      await left;
      const seen: string[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void seen.push(textOf(message)),
        never,
      );
      await vi.waitFor(() => expect(seen).toEqual(['again']), patient);
    });

    it.each([
      ['classic', 'false'],
      ['classic', 'true'],
      ['quorum', 'true'],
    ])(
      'without a dead-letter exchange a failing message is never lost (%s, requeueInFailure %s)',
      async (queueType, requeueInFailure) => {
        const topic = newTopic();
        await using pubSub = await create({ requeueInFailure, redeliverInterval: '1ms' });
        let tries = 0;
        await using _ = await pubSub.subscribe(
          { topic, metadata: { queueType } },
          async () => {
            if (++tries < 8) throw new Error('not yet');
          },
          never,
        );
        await publish(pubSub, topic, 'stubborn');
        await vi.waitFor(() => expect(tries).toBe(8), patient);
        await delay(100);
        expect(tries).toBe(8);
      },
    );

    it('single: in order, one at a time, and nothing passes a message that fails', async () => {
      const topic = newTopic();
      await using pubSub = await create({ concurrency: 'single' });
      const handed: string[] = [];
      let atOnce = 0;
      let most = 0;
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => {
          most = Math.max(most, ++atOnce);
          handed.push(textOf(message));
          await delay(1);
          atOnce--;
          if (textOf(message) === '3' && handed.length < 6) throw new Error('twice');
          if (textOf(message) === '5') throw new DropMessage('not wanted');
        },
        never,
      );
      for (let index = 0; index < 10; index++) await publish(pubSub, topic, String(index));
      await vi.waitFor(() => expect(handed.at(-1)).toBe('9'), patient);
      expect(handed.join('')).toBe('012333456789');
      expect(most).toBe(1);
    });

    it('single: leaving a quorum queue counts as no delivery of what was not handed over', async () => {
      const topic = newTopic();
      await using pubSub = await create({ concurrency: 'single' });
      const handed = Promise.withResolvers<void>();
      const end = Promise.withResolvers<void>();
      const metadata = { queueType: 'quorum' };
      const leaving = await pubSub.subscribe({ topic, metadata }, () => (handed.resolve(), end.promise), never);
      for (let index = 0; index < 5; index++) await publish(pubSub, topic, String(index));
      await handed.promise;
      const left = leaving[Symbol.asyncDispose]();
      end.reject(new Error('the app is gone'));
      await left;
      const counts: (string | undefined)[] = [];
      const count = async (message: Message) => void counts.push(message.metadata['x-delivery-count']);
      await using _ = await pubSub.subscribe({ topic, metadata }, count, never);
      await vi.waitFor(() => expect(counts).toHaveLength(5), patient);
      // the broker may put what was returned behind the others
      expect(counts.filter((each) => each !== undefined)).toEqual(['1']);
    });

    it.each(['classic', 'quorum'])(
      'a %s queue hands over in order while more and more is fetched',
      async (queueType) => {
        const topic = newTopic();
        await using pubSub = await create();
        const handed: string[] = [];
        const metadata = { queueType };
        const handler = async (message: Message) => {
          handed.push(textOf(message));
          await delay(2);
        };
        await using subscription = await pubSub.subscribe({ topic, metadata }, handler, never);
        await subscription.pause();
        const all = Array.from({ length: 300 }, (_, index) => String(index));
        await Promise.all(all.map((text) => publish(pubSub, topic, text)));
        await subscription.resume();
        await vi.waitFor(() => expect(handed).toHaveLength(all.length), patient);
        expect(handed).toEqual(all);
      },
    );

    it('a quorum queue gives nothing out again that was handled while its consumer left', async () => {
      await using pubSub = await create();
      const metadata = { queueType: 'quorum' };
      for (let round = 0; round < 5; round++) {
        const topic = newTopic();
        const gate = Promise.withResolvers<void>();
        const handled = new Set<string>();
        const handler = async (message: Message) => {
          await gate.promise;
          handled.add(textOf(message));
        };
        const leaving = await pubSub.subscribe({ topic, metadata }, handler, never);
        for (let index = 0; index < 60; index++) await publish(pubSub, topic, String(index));
        const left = leaving[Symbol.asyncDispose]();
        gate.resolve();
        await left;
        const seen: string[] = [];
        await using _ = await pubSub.subscribe({ topic, metadata }, async (m) => void seen.push(textOf(m)), never);
        await publish(pubSub, topic, 'marker');
        await vi.waitFor(() => expect(seen).toContain('marker'), patient);
        expect(seen.filter((text) => handled.has(text))).toEqual([]);
      }
    });

    it('higher priorities come first', async () => {
      const topic = newTopic();
      await using pubSub = await create({ concurrency: 'single', prefetchCount: '1' });
      const handed: string[] = [];
      await using subscription = await pubSub.subscribe(
        { topic, metadata: { maxPriority: '5' } },
        async (message) => void handed.push(textOf(message)),
        never,
      );
      await subscription.pause();
      for (const priority of ['1', '5', '3']) await publish(pubSub, topic, priority, { priority });
      await subscription.resume();
      await vi.waitFor(() => expect(handed).toEqual(['5', '3', '1']), patient);
    });

    it('messages expire by ttlInSeconds of the component and of the message', async () => {
      const topic = newTopic();
      await using pubSub = await create({ ttlInSeconds: '1' });
      const handed: string[] = [];
      await using subscription = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void handed.push(textOf(message)),
        never,
      );
      await subscription.pause();
      await publish(pubSub, topic, 'by default');
      await publish(pubSub, topic, 'lasting', { ttlInSeconds: '60' });
      await delay(1200);
      await subscription.resume();
      await vi.waitFor(() => expect(handed).toEqual(['lasting']), patient);
    });

    it('binds the queue by each routing key of a direct exchange', async () => {
      const topic = newTopic();
      await using pubSub = await create({ exchangeKind: 'direct' });
      const handed: string[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: { routingKey: 'red,green' } },
        async (message) => void handed.push(textOf(message)),
        never,
      );
      for (const routingKey of ['red', 'blue', 'green']) await publish(pubSub, topic, routingKey, { routingKey });
      await vi.waitFor(() => expect(handed.toSorted()).toEqual(['green', 'red']), patient);
    });

    it('gives the properties of a message to who asks for them', async () => {
      const topic = newTopic();
      await using pubSub = await create({ publishMessagePropertiesToMetadata: 'true' });
      const handed: Message[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void handed.push(message),
        never,
      );
      await publish(pubSub, topic, 'x', {
        messageID: 'm1',
        correlationID: 'c1',
        type: 't1',
        contentType: 'a/b',
        own: 'o',
      });
      await vi.waitFor(() => expect(handed).toHaveLength(1), patient);
      expect(handed[0]?.metadata).toMatchObject({
        own: 'o',
        'metadata.own': 'o',
        'metadata.messageid': 'm1',
        'metadata.correlationid': 'c1',
        'metadata.type': 't1',
        'metadata.contenttype': 'a/b',
      });
    });

    it('a stuck handler keeps no more than prefetchCount messages from others', async ({ skip }) => {
      if (managementAddress === undefined) skip('the broker has no management API');
      const topic = newTopic();
      await using pubSub = await create({ prefetchCount: '7' });
      const { promise, resolve } = Promise.withResolvers<void>();
      let handed = 0;
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, () => (handed++, promise), never);
      for (let index = 0; index < 30; index++) await publish(pubSub, topic, String(index));
      await vi.waitFor(() => expect(handed).toBe(7), patient);
      await vi.waitFor(
        async () => expect((await management.queue(`app-${topic}`)).messages_unacknowledged).toBe(7),
        patient,
      );
      expect(handed).toBe(7);
      resolve();
    });

    it('names and makes the queue as asked', async ({ skip }) => {
      if (managementAddress === undefined) skip('the broker has no management API');
      const topic = newTopic();
      await using pubSub = await create({ maxLen: '1000', enableDeadLetter: 'true' });
      const queueName = `queue-of-${topic}`;
      const metadata = {
        queueName,
        queueType: 'quorum',
        maxLen: '50',
        maxLenBytes: '100000',
        singleActiveConsumer: 'true',
      };
      await using _ = await pubSub.subscribe({ topic, metadata }, async () => {}, never);
      const queue = await vi.waitFor(() => management.queue(queueName), patient);
      expect(queue).toMatchObject({
        type: 'quorum',
        durable: true,
        auto_delete: false,
        arguments: {
          'x-max-length': 50,
          'x-max-length-bytes': 100_000,
          'x-single-active-consumer': true,
          'x-dead-letter-exchange': `dlx-${queueName}`,
        },
      });
      expect((await management.queue(`dlq-${queueName}`)).arguments).toMatchObject({ 'x-max-length': 1000 });
    });

    it('uses a queue that exists with deletedWhenUnused, where the field says nothing', async () => {
      const topic = newTopic();
      await using dapr = await create({ deletedWhenUnused: 'true' });
      await using _dapr = await dapr.subscribe({ topic, metadata: {} }, async () => {}, never);
      await using pubSub = await create();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async () => {}, never);
      await using other = await create({ deletedWhenUnused: 'false' });
      await expect(other.subscribe({ topic, metadata: {} }, async () => {}, never)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(new RegExp(`queue "app-${topic}".*auto_delete.*deletedWhenUnused`)),
      });
    });

    it('a queue or exchange that exists with other properties is told with its name and the field', async () => {
      const topic = newTopic();
      await using pubSub = await create();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, async () => {}, never);
      await expect(
        pubSub.subscribe({ topic, metadata: { maxPriority: '3' } }, async () => {}, never),
      ).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(new RegExp(`queue "app-${topic}" exists already.*x-max-priority.*maxPriority`)),
      });
      await using other = await create({ exchangeKind: 'topic' });
      const refused = {
        code: 'invalid-argument',
        message: expect.stringMatching(new RegExp(`exchange "${topic}" exists already.*type.*exchangeKind`)),
      };
      await expect(publish(other, topic, 'x')).rejects.toMatchObject(refused);
      await expect(other.subscribe({ topic, metadata: {} }, async () => {}, never)).rejects.toMatchObject(refused);
    });

    it('gets the queue back that was deleted under it', async ({ skip }) => {
      if (managementAddress === undefined) skip('the broker has no management API');
      const topic = newTopic();
      await using pubSub = await create();
      const handed: string[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void handed.push(textOf(message)),
        never,
      );
      await management.deleteQueue(`app-${topic}`);
      await vi.waitFor(async () => {
        await publish(pubSub, topic, 'back');
        expect(handed).toContain('back');
      }, patient);
      // an exchange takes its bindings along, and the next publish makes it again
      await management.deleteExchange(topic);
      await vi.waitFor(() => publish(pubSub, topic, 'without a queue'), patient);
    });

    it('a message that cannot be sent is refused alone', async () => {
      const topic = newTopic();
      await using pubSub = await create();
      const refusals = await Promise.allSettled([
        publish(pubSub, topic, 'good'),
        publish(pubSub, topic, 'x', { priority: 'high' }),
        publish(pubSub, topic, 'x', { routingKey: 'k'.repeat(256) }),
        publish(pubSub, topic, 'x', { header: 'h'.repeat(70_000) }),
        publish(pubSub, topic, 'x', { CC: 'copy' }),
        publish(pubSub, topic, 'good'),
      ]);
      const codes = refusals.map((outcome) =>
        outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'ok',
      );
      expect(codes).toEqual(['ok', ...Array(4).fill('invalid-argument'), 'ok']);
    });

    it('a delay needs the plugin, and says so', async () => {
      await using pubSub = await create();
      await expect(publish(pubSub, newTopic(), 'x', { 'x-delay': '100' })).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('exchangeKind'),
      });
      await expect(create({ exchangeKind: 'x-delayed-message' })).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('plugin'),
      });
    });
  });
});
