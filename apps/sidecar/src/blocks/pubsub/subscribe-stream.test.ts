import type { ClientDuplexStream } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import {
  DaprDefinition,
  SubscribeTopicEventsRequestAlpha1,
  SubscribeTopicEventsResponseAlpha1,
  type TopicEventRequest,
} from '@outrigger/protocol/runtime';
import type { Runtime } from '@outrigger/runtime';
import { describe, expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { memoryRuntime } from '../../../test/memory-runtime.ts';
import { pubsubMethods } from './grpc.ts';

const { fullName, methods } = DaprDefinition;
const path = `/${fullName}/${methods.subscribeTopicEventsAlpha1.name}`;
const [success, retry, drop] = [0, 1, 2] as const;

/** One stream as a client has it. */
class Subscriber {
  readonly events: TopicEventRequest[] = [];
  readonly ended = Promise.withResolvers<{ readonly code: number; readonly details: string }>();
  /** Resolves with the initial response. */
  readonly started = Promise.withResolvers<void>();
  readonly call: ClientDuplexStream<SubscribeTopicEventsRequestAlpha1, SubscribeTopicEventsResponseAlpha1>;

  constructor(call: Subscriber['call']) {
    this.call = call;
    call.on('data', ({ initialResponse, eventMessage }: SubscribeTopicEventsResponseAlpha1) => {
      if (initialResponse !== undefined) this.started.resolve();
      if (eventMessage !== undefined) this.events.push(eventMessage);
    });
    call.on('error', () => {});
    call.on('status', ({ code, details }) => this.ended.resolve({ code, details }));
  }

  async event(index: number): Promise<TopicEventRequest> {
    await expect.poll(() => this.events.length).toBeGreaterThan(index);
    return this.events[index] as TopicEventRequest;
  }

  answer(id: string, status: 0 | 1 | 2): void {
    this.call.write({ eventProcessed: { id, status: { status } } });
  }

  data(): string[] {
    return this.events.map(({ data }) => data.toString());
  }
}

async function scene() {
  const runtime = await memoryRuntime();
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) };
  const { client } = await serveGrpc({ services: [{ name: fullName, methods: pubsubMethods(runtime, logger) }] });
  const open = () =>
    new Subscriber(
      client.makeBidiStreamRequest(
        path,
        (message: SubscribeTopicEventsRequestAlpha1) =>
          Buffer.from(SubscribeTopicEventsRequestAlpha1.encode(message).finish()),
        (bytes) => SubscribeTopicEventsResponseAlpha1.decode(bytes),
      ),
    );
  const subscribe = async (initial: Partial<Initial> = {}) => {
    const subscriber = open();
    subscriber.call.write(wanting(initial));
    await subscriber.started.promise;
    return subscriber;
  };
  return { runtime, lines, open, subscribe };
}

type Initial = NonNullable<SubscribeTopicEventsRequestAlpha1['initialRequest']>;

function wanting(initial: Partial<Initial>): SubscribeTopicEventsRequestAlpha1 {
  return { initialRequest: { pubsubName: 'pubsub', topic: 'orders', metadata: {}, ...initial } };
}

function publish(runtime: Runtime, data: string, metadata: Record<string, string> = {}) {
  return runtime.pubsub.publish({ pubsubName: 'pubsub', topic: 'orders', data: Buffer.from(data), metadata });
}

test('events come, many at a time, and are answered in any order', async () => {
  const { runtime, subscribe } = await scene();
  const first = await subscribe();
  const second = await subscribe();
  await publish(runtime, 'a', { 'cloudevent.id': '1' });
  for (const subscriber of [first, second]) {
    const event = await subscriber.event(0);
    expect(event).toMatchObject({ id: '1', source: 'shop', topic: 'orders', pubsubName: 'pubsub', path: '/' });
    expect(event.data.toString()).toBe('a');
    subscriber.answer('1', success);
  }
  await publish(runtime, 'b', { 'cloudevent.id': '2' });
  expect((await first.event(1)).id).toBe('2');
  expect(runtime.subscriptions.map(({ type }) => type)).toEqual(['STREAMING', 'STREAMING']);
});

test('RETRY brings an event again; DROP and the dead letter topic as in other subscriptions', async () => {
  const { runtime, subscribe } = await scene();
  const subscriber = await subscribe({ deadLetterTopic: 'dead' });
  const dead = await subscribe({ topic: 'dead' });
  await publish(runtime, 'a', { 'cloudevent.id': '1' });
  subscriber.answer((await subscriber.event(0)).id, drop);
  expect((await dead.event(0)).id).toBe('1');
  dead.answer('1', retry);
  expect((await dead.event(1)).id).toBe('1');
  dead.answer('1', success);
});

test('an answer that nobody waits for is logged and changes nothing', async () => {
  const { runtime, lines, subscribe } = await scene();
  const subscriber = await subscribe();
  subscriber.answer('unknown', success);
  await publish(runtime, 'a');
  subscriber.answer((await subscriber.event(0)).id, success);
  await expect.poll(() => lines.join('\n')).toContain('event unknown');
});

describe('how a stream ends', () => {
  test.each([
    ['another first message', { eventProcessed: { id: '1' } }, 'initial request is required'],
    ['no pub/sub', wanting({ pubsubName: '' }), 'pubsubName is required'],
    ['no topic', wanting({ topic: '' }), 'topic is required'],
  ])('with UNKNOWN for %s', async (_, message, details) => {
    const { open } = await scene();
    const subscriber = open();
    subscriber.call.write(message);
    expect(await subscriber.ended.promise).toEqual({ code: 2, details });
  });

  test('with UNKNOWN for no message at all, and for a second initial request', async () => {
    const { open, subscribe } = await scene();
    const nothing = open();
    nothing.call.end();
    expect(await nothing.ended.promise).toEqual({ code: 2, details: 'initial request is required' });
    const twice = await subscribe();
    twice.call.write(wanting({}));
    expect(await twice.ended.promise).toEqual({ code: 2, details: 'duplicate initial request received' });
  });

  test('with the status of the subscription that cannot be', async () => {
    const { open } = await scene();
    const ended = async (initial: Partial<Initial>) => {
      const subscriber = open();
      subscriber.call.write(wanting(initial));
      return subscriber.ended.promise;
    };
    expect(await ended({ pubsubName: 'none' })).toEqual({ code: 3, details: 'pubsub none is not found' });
    expect(await ended({ topic: 'closed' })).toEqual({
      code: 2,
      details: expect.stringContaining("subscription to topic 'closed' on pubsub 'pubsub' is not allowed"),
    });
  });

  test.each(['ends its side', 'cancels'])('when the subscriber %s, and with it the subscription', async (how) => {
    const { runtime, subscribe } = await scene();
    const subscriber = await subscribe();
    await publish(runtime, 'a', { 'cloudevent.id': '1' });
    await publish(runtime, 'b', { 'cloudevent.id': '2' });
    subscriber.answer((await subscriber.event(0)).id, success);
    if (how === 'cancels') subscriber.call.cancel();
    else subscriber.call.end();
    expect((await subscriber.ended.promise).code).toBe(how === 'cancels' ? 1 : 0);
    await expect.poll(() => runtime.subscriptions).toEqual([]);
  });

  test('with OK when the runtime stops, after the answers to what is in flight', async () => {
    const { runtime, subscribe } = await scene();
    const subscriber = await subscribe();
    await publish(runtime, 'a');
    const { id } = await subscriber.event(0);
    const drained = runtime.drain(new AbortController().signal);
    await publish(runtime, 'b');
    subscriber.answer(id, success);
    await drained;
    expect((await subscriber.ended.promise).code).toBe(0);
    expect(subscriber.data()).toEqual(['a']);
  });
});
