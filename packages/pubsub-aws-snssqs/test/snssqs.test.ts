import { setTimeout as delay } from 'node:timers/promises';
import { SNS } from '@aws-sdk/client-sns';
import { SQS } from '@aws-sdk/client-sqs';
import type { PubSub } from '@outrigger/core';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { requireBackend } from '@outrigger/conformance';
import { createPubSub, credentials, howToStartAws, never, region, unique } from './create.ts';
import { TextInbox } from './inbox.ts';

const patient = { timeout: 60_000, interval: 20 };

requireBackend('OUTRIGGER_TEST_AWS', howToStartAws, (address) =>
  describe('pubsub.aws.snssqs', () => {
    const endpoint = `http://${address}`;
    const login = { accessKeyId: credentials.accessKey, secretAccessKey: credentials.secretKey };
    const sqs = new SQS({ endpoint, region, credentials: login });
    const sns = new SNS({ endpoint, region, credentials: login });
    afterAll(() => {
      sqs.destroy();
      sns.destroy();
    });

    const create = (consumerID: string, more: Record<string, string> = {}) =>
      createPubSub({ endpoint, region, ...credentials, consumerID, messageVisibilityTimeout: '3', ...more });
    const publish = (pubSub: PubSub, topic: string, text: string, metadata = {}) =>
      pubSub.publish({ topic, data: Buffer.from(text), metadata }, never);
    const urlOf = async (queue: string) => (await sqs.getQueueUrl({ QueueName: queue })).QueueUrl ?? '';
    const waitingIn = async (queue: string) => {
      const { Attributes } = await sqs.getQueueAttributes({
        QueueUrl: await urlOf(queue),
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      });
      return (
        Number(Attributes?.['ApproximateNumberOfMessages']) +
        Number(Attributes?.['ApproximateNumberOfMessagesNotVisible'])
      );
    };

    it('closing waits for what is being published', async () => {
      const pubSub = await create(unique('closing'));
      const published = Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => publish(pubSub, unique('closing'), String(index))),
      );
      await pubSub[Symbol.asyncDispose]();
      expect((await published).filter(({ status }) => status === 'rejected')).toEqual([]);
      await expect(publish(pubSub, 'late', 'x')).rejects.toMatchObject({ code: 'unavailable' });
    });

    describe('topics and queues', () => {
      it('one queue takes in all topics of a consumer id, whichever instances subscribe them at the same time', async () => {
        const consumerID = unique('many');
        const instances = await Promise.all([1, 2, 3].map(() => create(consumerID)));
        const topics = Array.from({ length: 6 }, (_, index) => unique(`topic${index}`));
        const inbox = new TextInbox();
        await Promise.all(
          topics.map(async (topic, index) => {
            await instances[index % 3]?.subscribe({ topic, metadata: {} }, inbox.handler, never);
          }),
        );
        const { Attributes } = await sqs.getQueueAttributes({
          QueueUrl: await urlOf(consumerID),
          AttributeNames: ['Policy'],
        });
        for (const topic of topics) expect(Attributes?.['Policy']).toContain(`:${topic}"`);
        await Promise.all(instances.map((instance) => instance[Symbol.asyncDispose]()));
      });

      it('a message of a topic that this instance has not subscribed waits for one that has', async () => {
        const consumerID = unique('shared');
        const [here, there] = [unique('here'), unique('there')];
        await using one = await create(consumerID, { messageVisibilityTimeout: '1' });
        {
          await using other = await create(consumerID);
          await other.subscribe({ topic: there, metadata: {} }, async () => {}, never);
        }
        const inbox = new TextInbox();
        const subscription = await one.subscribe({ topic: here, metadata: {} }, inbox.handler, never);
        await publish(one, there, 'for the other');
        await publish(one, here, 'for this one');
        await inbox.has(1);
        await subscription[Symbol.asyncDispose]();
        await using other = await create(consumerID, { messageVisibilityTimeout: '1' });
        const found = new TextInbox();
        await using _ = await other.subscribe({ topic: there, metadata: {} }, found.handler, never);
        await found.has(1);
        expect(inbox.handled).toEqual(['for this one']);
        expect(found.handled).toEqual(['for the other']);
      });

      it('with disableEntityManagement what is missing is named, and nothing is made', async () => {
        const [consumerID, topic] = [unique('strict'), unique('strict')];
        await using strict = await create(consumerID, { disableEntityManagement: 'true' });
        const subscribe = () => strict.subscribe({ topic, metadata: {} }, async () => {}, never);
        await expect(publish(strict, topic, 'x')).rejects.toMatchObject({
          code: 'not-found',
          message: expect.stringContaining(`topic "${topic}"`),
        });
        const { TopicArn } = await sns.createTopic({ Name: topic });
        await expect(publish(strict, topic, 'x')).resolves.toBeUndefined();
        await expect(subscribe()).rejects.toMatchObject({
          code: 'not-found',
          message: expect.stringContaining(`queue "${consumerID}"`),
        });
        const { QueueUrl } = await sqs.createQueue({ QueueName: consumerID });
        await expect(subscribe()).rejects.toMatchObject({
          code: 'not-found',
          message: expect.stringMatching(/not subscribed.*disableEntityManagement/),
        });
        const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ['QueueArn'] });
        await sns.subscribe({ TopicArn, Protocol: 'sqs', Endpoint: Attributes?.['QueueArn'] });
        const inbox = new TextInbox();
        await using _ = await strict.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(strict, topic, 'found');
        await inbox.has(1);
        expect(inbox.handled).toEqual(['found']);
      });

      it('a queue and a topic that are deleted while it runs are made again', async () => {
        const [consumerID, topic] = [unique('deleted'), unique('deleted')];
        await using pubSub = await create(consumerID);
        const inbox = new TextInbox();
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(pubSub, topic, 'before');
        await inbox.has(1);
        await sqs.deleteQueue({ QueueUrl: await urlOf(consumerID) });
        await vi.waitFor(() => urlOf(consumerID), patient);
        await vi.waitFor(async () => {
          await publish(pubSub, topic, 'after');
          await inbox.has(2, 500);
        }, patient);
      });
    });

    describe('redelivery', () => {
      it('a slow handler keeps its message, however long it takes', async () => {
        const [consumerID, topic] = [unique('slow'), unique('slow')];
        await using one = await create(consumerID, { messageVisibilityTimeout: '2' });
        await using two = await create(consumerID, { messageVisibilityTimeout: '2' });
        const inbox = new TextInbox(() => delay(7000));
        await using _a = await one.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await using _b = await two.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(one, topic, 'slow');
        await inbox.has(1);
        expect(inbox.handed).toEqual(['slow']);
        expect(await waitingIn(consumerID)).toBe(0);
      });

      it('a message that fails comes again for as long as it fails, messageRetryLimit or not', async () => {
        const [consumerID, topic] = [unique('failing'), unique('failing')];
        await using pubSub = await create(consumerID, { messageVisibilityTimeout: '1', messageRetryLimit: '2' });
        const inbox = new TextInbox((_text, attempt) => {
          if (attempt < 5) throw new Error('not yet');
        });
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(pubSub, topic, 'stubborn');
        await inbox.has(1);
        expect(inbox.handed).toHaveLength(5);
      });

      it('a message is deleted after messageRetryLimit failures where disableDeleteOnRetryLimit is false', async () => {
        const [consumerID, topic] = [unique('deleted'), unique('deleted')];
        const more = { messageVisibilityTimeout: '1', messageRetryLimit: '2', disableDeleteOnRetryLimit: 'false' };
        await using pubSub = await create(consumerID, more);
        const inbox = new TextInbox(() => {
          throw new Error('never');
        });
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(pubSub, topic, 'stubborn');
        await vi.waitFor(() => expect(inbox.handed).toHaveLength(2), patient);
        await vi.waitFor(async () => expect(await waitingIn(consumerID)).toBe(0), patient);
      });

      it('a message goes to the dead letters after messageReceiveLimit failures', async () => {
        const [consumerID, topic, sqsDeadLettersQueueName] = [unique('poison'), unique('poison'), unique('dead')];
        const limits = { sqsDeadLettersQueueName, messageReceiveLimit: '3', messageVisibilityTimeout: '1' };
        await using pubSub = await create(consumerID, limits);
        const inbox = new TextInbox((text) => {
          if (text === 'bad') throw new Error('bad');
        });
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(pubSub, topic, 'bad');
        await publish(pubSub, topic, 'good');
        await vi.waitFor(async () => expect(await waitingIn(sqsDeadLettersQueueName)).toBe(1), patient);
        expect(inbox.handed.toSorted()).toEqual(['bad', 'bad', 'bad', 'good']);
        expect(await waitingIn(consumerID)).toBe(0);
      });

      it('is not sent to the dead letters because its consumer left during the last try', async () => {
        const [consumerID, topic, sqsDeadLettersQueueName] = [unique('leaving'), unique('leaving'), unique('dead')];
        const limits = { sqsDeadLettersQueueName, messageReceiveLimit: '2', messageVisibilityTimeout: '2' };
        const leaving = await create(consumerID, limits);
        const gate = Promise.withResolvers<void>();
        const inbox = new TextInbox(async (_text, attempt) => {
          if (attempt === 2) await gate.promise;
          throw new Error('the app is going away');
        });
        await leaving.subscribe({ topic, metadata: {} }, inbox.handler, never);
        await publish(leaving, topic, 'kept');
        await vi.waitFor(() => expect(inbox.handed).toHaveLength(2), patient);
        const left = leaving[Symbol.asyncDispose]();
        gate.resolve();
        await left;

        await using next = await create(consumerID, limits);
        const found = new TextInbox();
        await using _ = await next.subscribe({ topic, metadata: {} }, found.handler, never);
        await found.has(1);
        expect(found.handled).toEqual(['kept']);
        expect(await waitingIn(sqsDeadLettersQueueName)).toBe(0);
      });

      it('a queue with dead letters gives one message at a time to an app that takes one at a time', async () => {
        const [consumerID, topic, sqsDeadLettersQueueName] = [unique('one'), unique('one'), unique('dead')];
        const more = { sqsDeadLettersQueueName, messageReceiveLimit: '1', concurrencyMode: 'single' };
        await using leaving = await create(consumerID, more);
        await using next = await create(consumerID, more);
        const gate = Promise.withResolvers<void>();
        const inbox = new TextInbox(() => gate.promise);
        const subscription = await leaving.subscribe({ topic, metadata: {} }, inbox.handler, never);
        for (let index = 0; index < 8; index++) await publish(leaving, topic, String(index));
        await vi.waitFor(() => expect(inbox.handed).toHaveLength(1), patient);
        const left = subscription[Symbol.asyncDispose]();
        gate.resolve();
        await left;
        const found = new TextInbox();
        await using _ = await next.subscribe({ topic, metadata: {} }, found.handler, never);
        await found.has(7);
        expect(await waitingIn(sqsDeadLettersQueueName)).toBe(0);
      });
    });

    describe.each([
      ['without dead letters', {}],
      ['with dead letters', { messageReceiveLimit: '50' }],
    ])('FIFO %s', (_title, more: Record<string, string>) => {
      const fifo = () => ({
        fifo: 'true',
        messageVisibilityTimeout: '2',
        messageWaitTimeSeconds: '1',
        // moto keeps the order of a group with one receive at a time only
        concurrencyLimit: '10',
        ...(more['messageReceiveLimit'] && { ...more, concurrencyLimit: '1', sqsDeadLettersQueueName: unique('dead') }),
      });

      it('nothing overtakes a message that fails in its group, and other groups go on', async () => {
        const [consumerID, topic] = [unique('ordered'), unique('ordered')];
        const options = fifo();
        await using pubSub = await create(consumerID, options);
        const inbox = new TextInbox((text, attempt) => {
          if (text === 'a-2' && (attempt === 1 || !inbox.handled.includes('b-7'))) throw new Error('not yet');
        });
        await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
        const texts = Array.from({ length: 8 }, (_, index) => index).flatMap((index) => [`a-${index}`, `b-${index}`]);
        for (const text of texts) await publish(pubSub, topic, text, { messageGroupID: text.slice(0, 1) });
        await inbox.has(16, 40_000);
        const of = (group: string) => inbox.handled.filter((text) => text.startsWith(group));
        expect(of('a')).toEqual(texts.filter((text) => text.startsWith('a')));
        expect(of('b')).toEqual(texts.filter((text) => text.startsWith('b')));
        expect(inbox.handed.filter((text) => text !== 'a-2')).toHaveLength(15);
      });

      it('order survives a change of instances', async () => {
        const [consumerID, topic] = [unique('moved'), unique('moved')];
        const options = fifo();
        const leaving = await create(consumerID, options);
        await using next = await create(consumerID, options);
        const handled: string[] = [];
        const record = async ({ data }: { data: Uint8Array }) => {
          await delay(20);
          handled.push(Buffer.from(data).toString());
        };
        const texts = Array.from({ length: 14 }, (_, index) => String(index));
        await leaving.subscribe({ topic, metadata: {} }, record, never);
        for (const text of texts) await publish(next, topic, text);
        await vi.waitFor(() => expect(handled.length).toBeGreaterThan(3), patient);
        await using _ = await next.subscribe({ topic, metadata: {} }, record, never);
        await leaving[Symbol.asyncDispose]();
        await vi.waitFor(() => expect(handled).toHaveLength(14), { ...patient, timeout: 60_000 });
        expect(handled).toEqual(texts);
      });
    });

    it('FIFO takes two raw payloads that look the same for two messages, an envelope sent twice or the same id for one', async () => {
      const [consumerID, topic] = [unique('twins'), unique('twins')];
      await using pubSub = await create(consumerID, { fifo: 'true' });
      const inbox = new TextInbox();
      await using subscription = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      // the server of the tests knows the ids of those messages only that still wait
      await subscription.pause();
      const send = (text: string, contentType: string, metadata = {}) =>
        pubSub.publish({ topic, data: Buffer.from(text), contentType, metadata }, never);
      for (let time = 0; time < 2; time++) {
        await send('raw', 'text/plain');
        await send('{"id":"1"}', 'application/cloudevents+json');
        await send(`raw with id ${time}`, 'text/plain', { messageDeduplicationID: consumerID });
      }
      await send('last', 'text/plain');
      await subscription.resume();
      // the server of the tests mixes up what it hands to several requests at a time
      const expected = ['raw', '{"id":"1"}', 'raw with id 0', 'raw', 'last'].toSorted();
      await vi.waitFor(() => expect(inbox.handled.toSorted()).toEqual(expected), patient);
    });
  }),
);
