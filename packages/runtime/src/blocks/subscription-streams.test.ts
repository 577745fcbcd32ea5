import { type Message, type Policy, policy, type PubSub, retry } from '@outrigger/core';
import inMemory from '@outrigger/pubsub-in-memory';
import { describe, expect, onTestFinished, test } from 'vitest';

import { LogLines } from '../../test/folder.ts';
import type { TopicEvent, TopicEventStatus } from '../app-channel/app-channel.ts';
import type { StreamingSubscription } from '../runtime.ts';
import { Broker, type BrokerOptions } from './pubsub-broker.ts';
import { Publisher } from './pubsub-publisher.ts';
import { SubscriptionStreams } from './subscription-streams.ts';

const never = new AbortController().signal;
const now = AbortSignal.abort();

async function scene(options: Partial<BrokerOptions> = {}) {
  const log = new LogLines();
  const app = { appId: 'app', namespace: '' };
  const component = await inMemory.create({
    name: 'pubsub',
    metadata: { maxQueuedBytes: 1e6 },
    properties: {},
    ...app,
    logger: log,
    signal: never,
  });
  const broker = new Broker({ name: 'pubsub', component, properties: {}, namespaced: false, ...app, ...options });
  const dead: Message[] = [];
  await component.subscribe({ topic: 'dead', metadata: {} }, async (message) => void dead.push(message), never);
  const brokers = new Map([['pubsub', broker]]);
  const streams = new SubscriptionStreams(brokers, log);
  const publisher = new Publisher(brokers);
  onTestFinished(async () => {
    await streams.stop(now);
    await component[Symbol.asyncDispose]();
  });
  return {
    log,
    dead,
    streams,
    publish: (data: string, metadata = {}) =>
      publisher.publish({ pubsubName: 'pubsub', topic: 'orders', data: Buffer.from(data), metadata }),
    /** Subscribes, and keeps every event with how it is to be settled. */
    async subscribe(subscription: Partial<StreamingSubscription> = {}) {
      const events: (TopicEvent & PromiseWithResolvers<TopicEventStatus> & { readonly signal: AbortSignal })[] = [];
      const stream = await streams.subscribe(
        { pubsubName: 'pubsub', topic: 'orders', metadata: {}, ...subscription },
        (event, signal) => {
          const settled = Promise.withResolvers<TopicEventStatus>();
          events.push({ ...event, ...settled, signal });
          return settled.promise;
        },
        never,
      );
      return { stream, events };
    },
  };
}

type Event = Awaited<ReturnType<Awaited<ReturnType<typeof scene>>['subscribe']>>['events'][number];

/** The event at `index`, once it is there. */
async function at(events: readonly Event[], index: number): Promise<Event> {
  await expect.poll(() => events.length).toBeGreaterThan(index);
  return events[index] as Event;
}

const data = ({ cloudEvent }: TopicEvent) => cloudEvent['data'];

test('events come as long as the subscription lives, and it is shown as STREAMING', async () => {
  const { streams, publish, subscribe } = await scene();
  const { stream, events } = await subscribe({ metadata: { a: 'b' }, deadLetterTopic: 'dead' });
  expect(streams.active).toEqual([
    {
      pubsubName: 'pubsub',
      topic: 'orders',
      metadata: { a: 'b' },
      rules: [{ match: '', path: '/' }],
      deadLetterTopic: 'dead',
      type: 'STREAMING',
    },
  ]);
  await publish('one');
  const event = await at(events, 0);
  expect([data(event), event.path, event.topic, event.pubsubName]).toEqual(['one', '/', 'orders', 'pubsub']);
  event.resolve('SUCCESS');
  await stream[Symbol.asyncDispose]();
  await stream.ended;
  expect(streams.active).toEqual([]);
  await publish('two');
  expect(events).toHaveLength(1);
});

test('several subscriptions to one topic each get every event of a broker that fans out', async () => {
  const { streams, publish, subscribe } = await scene();
  const [first, second] = [await subscribe(), await subscribe()];
  expect(streams.active).toHaveLength(2);
  await publish('one');
  (await at(first.events, 0)).resolve('SUCCESS');
  (await at(second.events, 0)).resolve('SUCCESS');
});

describe('what becomes of an event', () => {
  test.each(['RETRY', 'rejected'])(
    '%s brings it again, and to the dead letter topic where there is one',
    async (how) => {
      const { dead, publish, subscribe } = await scene();
      const settle = (event: Event) => (how === 'RETRY' ? event.resolve('RETRY') : event.reject(new Error('no')));
      const { stream, events } = await subscribe();
      await publish('one');
      settle(await at(events, 0));
      (await at(events, 1)).resolve('SUCCESS');
      await stream[Symbol.asyncDispose]();

      const other = await subscribe({ deadLetterTopic: 'dead' });
      await publish('two');
      settle(await at(other.events, 0));
      await expect.poll(() => dead).toHaveLength(1);
      expect(other.events).toHaveLength(1);
    },
  );

  test('DROP ends it, in the dead letter topic where there is one', async () => {
    const { dead, publish, subscribe } = await scene();
    const { events } = await subscribe({ deadLetterTopic: 'dead' });
    await publish('one');
    (await at(events, 0)).resolve('DROP');
    await expect.poll(() => dead).toHaveLength(1);
  });

  test('the inbound policy holds', async () => {
    const inbound: Policy = policy([retry({ policy: 'constant', duration: 1, maxRetries: 2 })]);
    const { dead, publish, subscribe } = await scene({ inbound: () => inbound });
    const { events } = await subscribe({ deadLetterTopic: 'dead' });
    await publish('one');
    for (let index = 0; index < 3; index++) (await at(events, index)).resolve('RETRY');
    await expect.poll(() => dead).toHaveLength(1);
    expect(events).toHaveLength(3);
  });

  test('raw payloads are wrapped', async () => {
    const { publish, subscribe } = await scene();
    const { events } = await subscribe({ metadata: { rawPayload: 'true' } });
    await publish('raw', { rawPayload: 'true' });
    const event = await at(events, 0);
    expect(event.cloudEvent).toMatchObject({ data_base64: Buffer.from('raw').toString('base64'), source: 'Dapr' });
    event.resolve('SUCCESS');
  });
});

describe('the end', () => {
  test('what a subscriber leaves behind goes back to the broker, not to the dead letter topic', async () => {
    const { dead, publish, subscribe } = await scene();
    const left = await subscribe({ deadLetterTopic: 'dead' });
    await publish('one');
    const event = await at(left.events, 0);
    await left.stream[Symbol.asyncDispose]();
    expect(event.signal.aborted).toBe(true);
    expect(dead).toEqual([]);
  });

  test.each([
    ['answered just before counts', 'fulfilled'],
    ['not answered is given back', 'rejected'],
  ])('an event %s', async (_, outcome) => {
    const handled: Promise<void>[] = [];
    const component: PubSub = {
      features: [],
      publish: async () => {},
      subscribe: async (_, handle) => {
        const data = Buffer.from('{"id":"1"}');
        handled.push(handle({ topic: 'orders', data, metadata: {} }, never));
        const dispose = async () => void (await Promise.allSettled(handled));
        return { pause: async () => {}, resume: async () => {}, [Symbol.asyncDispose]: dispose };
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const { subscribe } = await scene({ component });
    const { stream, events } = await subscribe();
    const event = await at(events, 0);
    if (outcome === 'fulfilled') event.resolve('SUCCESS');
    await stream[Symbol.asyncDispose]();
    expect(await Promise.allSettled(handled)).toMatchObject([{ status: outcome }]);
  });

  test('when the runtime stops, what is in flight may still be settled, and nothing new comes', async () => {
    const { streams, publish, subscribe } = await scene();
    const { stream, events } = await subscribe();
    await publish('one');
    const event = await at(events, 0);
    const stopped = streams.stop(never);
    await publish('two');
    expect(await Promise.race([stream.ended.then(() => 'ended'), Promise.resolve('not yet')])).toBe('not yet');
    event.resolve('SUCCESS');
    await stopped;
    await stream.ended;
    expect(events).toHaveLength(1);
    await expect(subscribe()).rejects.toMatchObject({ grpcStatus: 'UNAVAILABLE' });
  });

  test('a subscriber that goes while the runtime stops does not hold it up', async () => {
    const { streams, publish, subscribe } = await scene();
    const { stream, events } = await subscribe();
    await publish('one');
    await at(events, 0);
    const stopped = streams.stop(never);
    await stream[Symbol.asyncDispose]();
    await stopped;
  });

  test('the grace of the stop cuts off an event that is never settled', async () => {
    const { streams, publish, subscribe } = await scene();
    const { events } = await subscribe();
    await publish('one');
    const event = await at(events, 0);
    const grace = new AbortController();
    const stopped = streams.stop(grace.signal);
    grace.abort();
    await stopped;
    expect(event.signal.aborted).toBe(true);
  });
});

describe('a subscription that cannot be', () => {
  test('an unknown pub/sub', async () => {
    const { subscribe } = await scene();
    await expect(subscribe({ pubsubName: 'none' })).rejects.toMatchObject({
      grpcStatus: 'INVALID_ARGUMENT',
      message: 'pubsub none is not found',
    });
  });

  test.each(['pubsubName', 'topic'])('one that lacks its %s', async (field) => {
    const { subscribe } = await scene();
    await expect(subscribe({ [field]: '' })).rejects.toMatchObject({ message: `${field} is required` });
  });

  test('a topic that the scopes forbid', async () => {
    const { subscribe } = await scene({ properties: { subscriptionScopes: 'app=other' } });
    await expect(subscribe()).rejects.toMatchObject({
      grpcStatus: 'UNKNOWN',
      message: expect.stringContaining(
        "failed to create subscription for pubsub: subscription to topic 'orders' on pubsub 'pubsub' is not allowed",
      ),
    });
  });

  test('one whose caller has gone', async () => {
    const { streams } = await scene();
    const wanted = { pubsubName: 'pubsub', topic: 'orders', metadata: {} };
    await expect(streams.subscribe(wanted, async () => 'SUCCESS', now)).rejects.toThrow('aborted');
    expect(streams.active).toEqual([]);
  });
});
