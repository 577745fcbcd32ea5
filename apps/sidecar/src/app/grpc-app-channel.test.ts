import { createServer } from 'node:net';

import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import type { TopicEventBulkRequest, TopicEventRequest } from '@outrigger/protocol/runtime';
import { AppError, type BulkTopicEvent, type TopicEvent } from '@outrigger/runtime';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';

import { Failure, type GrpcApp, type GrpcAppHandlers, startGrpcApp } from '../../test/grpc-app.ts';
import { GrpcAppChannel, type GrpcAppChannelOptions } from './grpc-app-channel.ts';

const never = new AbortController().signal;
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function channelTo(app: Pick<GrpcApp, 'port'>, options: Partial<GrpcAppChannelOptions> = {}): GrpcAppChannel {
  const channel = new GrpcAppChannel({ port: app.port, logger: silentLogger, ...options });
  onTestFinished(() => channel[Symbol.asyncDispose]());
  return channel;
}

async function connected(handlers: GrpcAppHandlers, options: Partial<GrpcAppChannelOptions> = {}) {
  return channelTo(await startGrpcApp(handlers), options);
}

function topicEvent(more: Partial<TopicEvent> = {}): TopicEvent {
  const cloudEvent = {
    id: '7',
    source: 'shop',
    type: 't',
    specversion: '1.0',
    datacontenttype: 'text/plain',
    data: 'x',
  };
  const body = Buffer.from(JSON.stringify(cloudEvent));
  return { pubsubName: 'pubsub', topic: 'orders', path: '/orders', cloudEvent, body, metadata: {}, ...more };
}

const batch: BulkTopicEvent = {
  pubsubName: 'pubsub',
  topic: 'orders',
  path: '/bulk',
  id: 'batch',
  metadata: {},
  entries: [
    {
      entryId: 'a',
      event: Buffer.from([0, 255]).toString('base64'),
      json: '',
      contentType: 'x/y',
      metadata: { k: 'v' },
    },
    {
      entryId: 'b',
      event: { id: '8', datacontenttype: 'application/json', data: { n: 1 } },
      json: '{"id":"8","datacontenttype":"application/json","data":{"n": 1}}',
      contentType: 'application/cloudevents+json',
      metadata: {},
    },
    { entryId: 'c', event: 'AA==', json: '', contentType: '', metadata: {} },
    { entryId: 'd', event: 'AA==', json: '', contentType: '', metadata: {} },
  ],
};

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );
}

describe('what the app subscribes to', () => {
  const bulkSubscribe = { enabled: true, maxMessagesCount: 10, maxAwaitDurationMs: 40 };
  const plain = { pubsubName: 'pubsub', topic: 'orders', metadata: {}, deadLetterTopic: '' };

  it('is what it lists', async () => {
    const rules = [{ match: 'event.type == "a"', path: '/a' }];
    const channel = await connected({
      listTopicSubscriptions: () => ({
        subscriptions: [
          {
            ...plain,
            metadata: { rawPayload: 'true' },
            deadLetterTopic: 'dead',
            routes: { rules, default: '/b' },
            bulkSubscribe,
          },
          plain,
          { ...plain, routes: { rules, default: '' } },
        ],
      }),
    });
    expect(await channel.subscriptions(never)).toEqual([
      {
        pubsubName: 'pubsub',
        topic: 'orders',
        metadata: { rawPayload: 'true' },
        deadLetterTopic: 'dead',
        rules: [...rules, { path: '/b' }],
        bulkSubscribe,
      },
      { pubsubName: 'pubsub', topic: 'orders', metadata: {}, rules: [{ path: '' }] },
      { pubsubName: 'pubsub', topic: 'orders', metadata: {}, rules },
    ]);
  });

  it('is nothing where it does not serve the method, or is not to be asked', async () => {
    const channel = await connected({});
    expect(await channel.subscriptions(never)).toEqual([]);
    const listTopicSubscriptions = vi.fn(() => ({ subscriptions: [plain] }));
    const unasked = await connected({ listTopicSubscriptions }, { disabledInitEndpoints: ['config', 'subscribe'] });
    expect(await unasked.subscriptions(never)).toEqual([]);
    expect(listTopicSubscriptions).not.toHaveBeenCalled();
  });

  it('is asked for again where it fails', async () => {
    const listTopicSubscriptions = () => {
      throw new Failure('UNAVAILABLE', 'still starting');
    };
    const channel = await connected({ listTopicSubscriptions });
    await expect(channel.subscriptions(never)).rejects.toThrow('code = Unavailable desc = still starting');
  });
});

describe('an event', () => {
  it('carries the metadata of its message, its trace and the token of the app', async () => {
    const seen: { request: TopicEventRequest; metadata: Metadata }[] = [];
    const channel = await connected(
      {
        onTopicEvent: (request, call: ServerUnaryCall<unknown, unknown>) => {
          seen.push({ request, metadata: call.metadata });
          return { status: 0 };
        },
      },
      { appToken: 'secret' },
    );
    const event = topicEvent();
    const cloudEvent = { ...event.cloudEvent, traceparent, tracestate: 'a=b' };
    const metadata = { Key: 'vé', 'grpc-timeout': '1n', 'dapr-api-token': 'other', 'x-bin': '\0' };
    expect(await channel.deliver({ ...event, cloudEvent, metadata }, never)).toBe('SUCCESS');
    expect(seen[0]?.request).toMatchObject({ id: '7', topic: 'orders', path: '/orders', data: Buffer.from('x') });
    expect(seen[0]?.metadata.getMap()).toMatchObject({
      key: 'v%C3%A9',
      'x-bin': Buffer.from('\0'),
      pubsubname: 'pubsub',
      traceparent,
      tracestate: 'a=b',
      'grpc-trace-bin': Buffer.from('00000af7651916cd43dd8448eb211c80319c01b7ad6b71692033310201', 'hex'),
      'dapr-api-token': 'secret',
    });
  });

  it.each([
    [0, 'SUCCESS'],
    [1, 'RETRY'],
    [2, 'DROP'],
  ] as const)('is answered with %i: %s', async (status, expected) => {
    const channel = await connected({ onTopicEvent: () => ({ status }) });
    expect(await channel.deliver(topicEvent(), never)).toBe(expected);
  });

  it('is dropped by an app that takes none, and to be retried after any other error or an unknown status', async () => {
    expect(await (await connected({})).deliver(topicEvent(), never)).toBe('DROP');
    const onTopicEvent = vi.fn();
    const channel = await connected({ onTopicEvent });
    onTopicEvent.mockRejectedValueOnce(new Failure('RESOURCE_EXHAUSTED', 'later'));
    const error = await failureOf(channel.deliver(topicEvent(), never));
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      statusCode: 8,
      message: expect.stringContaining('code = ResourceExhausted desc = later'),
    });
    onTopicEvent.mockReturnValueOnce({ status: 9 });
    await expect(channel.deliver(topicEvent(), never)).rejects.toThrow('unknown status 9');
  });
});

describe('a batch', () => {
  it('is told as bytes and cloud events; what the app does not mention is to be retried', async () => {
    const seen: TopicEventBulkRequest[] = [];
    const channel = await connected({
      onBulkTopicEvent: (request) => {
        seen.push(request);
        const statuses = [
          { entryId: 'a', status: 0 as const },
          { entryId: 'b', status: 2 as const },
          { entryId: 'c', status: 1 as const },
          { entryId: 'none', status: 0 as const },
        ];
        return { statuses };
      },
    });
    expect([...(await channel.deliverMany(batch, never))]).toEqual([
      ['a', 'SUCCESS'],
      ['b', 'DROP'],
      ['c', 'RETRY'],
      ['d', 'RETRY'],
    ]);
    const [request] = seen;
    expect(request).toMatchObject({
      id: 'batch',
      topic: 'orders',
      pubsubName: 'pubsub',
      path: '/bulk',
      type: 'com.dapr.event.sent.bulk',
      metadata: { pubsubName: 'pubsub' },
    });
    expect(request?.entries[0]).toEqual({
      entryId: 'a',
      bytes: Buffer.from([0, 255]),
      cloudEvent: undefined,
      contentType: 'x/y',
      metadata: { k: 'v' },
    });
    expect(request?.entries[1]?.cloudEvent).toMatchObject({ id: '8', data: Buffer.from('{"n": 1}') });
  });

  it('goes to the older name where the app knows only that, and it is remembered', async () => {
    const onBulkTopicEventAlpha1 = vi.fn(() => ({ statuses: [{ entryId: 'a', status: 0 as const }] }));
    // oxlint-disable-next-line typescript/no-deprecated -- that is the point
    const app = await startGrpcApp({ onBulkTopicEventAlpha1 });
    const channel = channelTo(app);
    const call = vi.spyOn(channel.connection, 'call');
    expect((await channel.deliverMany(batch, never)).get('a')).toBe('SUCCESS');
    expect(call).toHaveBeenCalledTimes(2);
    await channel.deliverMany(batch, never);
    expect(call).toHaveBeenCalledTimes(3);
    // The app is replaced by a newer one.
    app.stop();
    await startGrpcApp({ onBulkTopicEvent: () => ({ statuses: [{ entryId: 'b', status: 0 }] }) }, { port: app.port });
    await expect.poll(async () => (await channel.deliverMany(batch, never)).get('b')).toBe('SUCCESS');
  });

  it('is dropped by an app that knows neither, and to be retried after any other error', async () => {
    expect(new Set((await (await connected({})).deliverMany(batch, never)).values())).toEqual(new Set(['DROP']));
    const onBulkTopicEvent = () => {
      throw new Failure('INTERNAL', 'broken');
    };
    await expect((await connected({ onBulkTopicEvent })).deliverMany(batch, never)).rejects.toMatchObject({
      statusCode: 13,
    });
  });
});

test('whatever is delivered under a span is told that, in place of what the event or its metadata says', async () => {
  const seen: ReturnType<Metadata['getMap']>[] = [];
  const keep = (call: ServerUnaryCall<unknown, unknown>): void => void seen.push(call.metadata.getMap());
  const channel = await connected({
    onTopicEvent: (_, call: ServerUnaryCall<unknown, unknown>) => (keep(call), { status: 0 }),
    onBulkTopicEvent: (_, call: ServerUnaryCall<unknown, unknown>) => (keep(call), { statuses: [] }),
    onBindingEvent: (_, call: ServerUnaryCall<unknown, unknown>) => (
      keep(call),
      { storeName: '', states: [], to: [], data: Buffer.alloc(0), concurrency: 0 as const }
    ),
  });
  const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: '' };
  const metadata = { traceparent, tracestate: 'a=b', 'grpc-trace-bin': 'stale' };
  const event = topicEvent({ metadata, trace });
  await channel.deliver({ ...event, cloudEvent: { ...event.cloudEvent, traceparent, tracestate: 'a=b' } }, never);
  await channel.deliverMany({ ...batch, metadata, trace }, never);
  await channel.deliverBinding({ name: 'queue', path: '/queue', data: Buffer.from('x'), metadata, trace }, never);
  for (const each of seen) {
    expect(each).toMatchObject({
      traceparent: trace.traceparent,
      'grpc-trace-bin': Buffer.from('00004bf92f3577b34da6a3ce929d0e0e47360100f067aa0ba902b70201', 'hex'),
    });
    expect(each).not.toHaveProperty('tracestate');
  }
  expect(seen).toHaveLength(3);
});

describe('input bindings', () => {
  const candidates = [
    { name: 'cron', path: '/cron' },
    { name: 'queue', path: '/queue' },
  ];

  it('are those that the app lists', async () => {
    const channel = await connected({ listInputBindings: () => ({ bindings: ['queue', 'other'] }) });
    expect(await channel.inputBindings(candidates, never)).toEqual(new Set(['queue']));
    expect(await (await connected({})).inputBindings(candidates, never)).toEqual(new Set());
  });

  it('bring events, whose answer may go on to output bindings', async () => {
    const onBindingEvent = vi.fn(() => ({
      storeName: '',
      states: [],
      to: ['one', 'two'],
      data: Buffer.from('answer'),
      concurrency: 1 as const,
    }));
    const channel = await connected({ onBindingEvent });
    const event = { name: 'queue', path: '/queue', data: Buffer.from('event'), metadata: { key: 'value' } };
    expect(await channel.deliverBinding(event, never)).toEqual({
      data: Buffer.from('answer'),
      to: ['one', 'two'],
      concurrency: 'parallel',
    });
    expect(onBindingEvent).toHaveBeenCalledWith(
      { name: 'queue', data: Buffer.from('event'), metadata: { key: 'value' } },
      expect.anything(),
    );
    onBindingEvent.mockImplementationOnce(() => {
      throw new Failure('ABORTED', 'not now');
    });
    await expect(channel.deliverBinding(event, never)).rejects.toMatchObject({ statusCode: 10 });
  });
});

test('an app is healthy when its health check succeeds, and only then', async () => {
  const healthCheck = vi.fn(() => ({}));
  const channel = await connected({ healthCheck });
  expect(await channel.probe(never)).toBe(true);
  healthCheck.mockImplementationOnce(() => {
    throw new Failure('UNAVAILABLE', 'no');
  });
  expect(await channel.probe(never)).toBe(false);
  expect(await (await connected({})).probe(never)).toBe(false);
  const gone = await startGrpcApp({ healthCheck });
  gone.stop();
  expect(await channelTo(gone).probe(never)).toBe(false);
});

test('a probe gives up in time where something accepts connections and says nothing', async () => {
  const server = createServer(() => {});
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  onTestFinished(() => void server.close());
  const channel = channelTo({ port });
  await channel.ready(never);
  await expect(channel.probe(AbortSignal.timeout(20))).rejects.toThrow('timeout');
});

test('no more calls are in flight than the limit says; a probe does not wait', async () => {
  const release = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  const onTopicEvent = async () => {
    most = Math.max(most, ++running);
    await release.promise;
    running--;
    return { status: 0 as const };
  };
  const channel = await connected({ onTopicEvent, healthCheck: () => ({}) }, { maxConcurrency: 2 });
  const deliveries = Promise.all(Array.from({ length: 6 }, () => channel.deliver(topicEvent(), never)));
  await expect.poll(() => running).toBe(2);
  expect(await channel.probe(never)).toBe(true);
  release.resolve();
  await deliveries;
  expect(most).toBe(2);
});

test('a call is cancelled with its signal', async () => {
  const cancelled = Promise.withResolvers<void>();
  const abort = new AbortController();
  const channel = await connected({
    onTopicEvent: (_, call) => {
      call.on('cancelled', () => cancelled.resolve());
      abort.abort(new Error('no longer'));
      return new Promise<never>(() => {});
    },
  });
  await expect(channel.deliver(topicEvent(), abort.signal)).rejects.toThrow('no longer');
  await cancelled.promise;
});

test('a body over the limit is refused, and not read on', async () => {
  const onInvoke = vi.fn(() => ({ contentType: '', data: undefined }));
  const channel = await connected({ onInvoke }, { maxMessageSize: 2000 });
  let made = 0;
  async function* endless() {
    for (;;) {
      made++;
      yield Buffer.alloc(1500);
    }
  }
  const request = { verb: 'POST', path: '/x', query: '', headers: {}, body: endless() };
  expect(await channel.invoke(request, never)).toMatchObject({ status: 429, grpc: { status: 'RESOURCE_EXHAUSTED' } });
  expect(made).toBe(2);
  expect(onInvoke).not.toHaveBeenCalled();
});

test('an answer over the limit is refused', async () => {
  const onInvoke = () => ({ contentType: '', data: { typeUrl: '', value: Buffer.alloc(3000) } });
  const request = { verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };
  const limited = await connected({ onInvoke }, { maxMessageSize: 2000 });
  expect((await limited.invoke(request, never)).grpc?.status).toBe('RESOURCE_EXHAUSTED');
  expect((await (await connected({ onInvoke })).invoke(request, never)).grpc?.status).toBe('OK');
});

test('a lost app is a failure of the channel and no answer; it is found again when it is back', async () => {
  const arrived = Promise.withResolvers<void>();
  const app = await startGrpcApp({
    onTopicEvent: () => {
      arrived.resolve();
      return new Promise<never>(() => {});
    },
  });
  const channel = channelTo(app);
  const delivery = failureOf(channel.deliver(topicEvent(), never));
  await arrived.promise;
  app.stop();
  expect(await delivery).toMatchObject({ code: 'unavailable' });
  expect(await failureOf(channel.deliver(topicEvent(), never))).toMatchObject({ code: 'unavailable' });
  await startGrpcApp({ onTopicEvent: () => ({ status: 0 }) }, { port: app.port });
  expect(await channel.deliver(topicEvent(), never)).toBe('SUCCESS');
});
