import { policy, retry } from '@outrigger/core';
import { expect, onTestFinished, test } from 'vitest';

import { EventSource } from '../../test/event-source.ts';
import { acknowledge, scene } from '../../test/pubsub-scene.ts';
import { RecordingTracer } from '../../test/recording-tracer.ts';
import type { AppChannel, InputBindingEvent } from '../app-channel/app-channel.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import type { InvokeBinding } from './bindings.ts';
import { InputBindings } from './input-bindings.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
const never = new AbortController().signal;
const published = { pubsubName: 'pubsub', topic: 'orders', contentType: 'application/json', traceparent };
const messaging = {
  'messaging.destination': 'orders',
  'messaging.destination_kind': 'topic',
  'messaging.system': 'pubsub',
};

test('each attempt to deliver a message is a span below the publisher’s, under which the app is called; the message stays as it was', async () => {
  const tracer = new RecordingTracer();
  let calls = 0;
  const { app, publisher } = await scene({
    subscription: { route: '/orders' },
    broker: { tracer },
    inbound: policy([retry({ duration: 1, maxRetries: 1 })]),
    handle: () => (++calls === 1 ? { status: 500 } : {}),
  });
  await publisher.publish({ ...published, data: Buffer.from('{"n":1}'), tracestate: 'v=1' });
  await expect.poll(() => tracer.spans).toHaveLength(2);
  expect(tracer.spans).toMatchObject([
    { name: 'pubsub/orders', kind: 'consumer', parent: traceparent, failure: 'the app did not handle it' },
    { name: 'pubsub/orders', kind: 'consumer', parent: traceparent, failure: undefined, attributes: messaging },
  ]);
  const posted = app.posted('/orders');
  expect(posted.map(({ headers }) => headers['traceparent'])).toEqual(tracer.spans.map((span) => span.traceparent));
  expect(posted.map(({ headers }) => headers['tracestate'])).toEqual(['v=1', 'v=1']);
  expect(JSON.parse(posted[0]?.body ?? '')).toMatchObject({ traceparent });
});

test('the events of a bulk publish and of a batch have a span each, and tell which of them failed', async () => {
  const tracer = new RecordingTracer();
  const { app, publisher } = await scene({
    subscription: {
      route: '/orders',
      bulkSubscribe: { enabled: true, maxMessagesCount: 2, maxAwaitDurationMs: 60_000 },
    },
    broker: { tracer },
    handle: (request) => {
      const { entries } = JSON.parse(request.body) as { entries: { entryId: string }[] };
      return { body: { statuses: entries.map(({ entryId }) => ({ entryId, status: 'SUCCESS' })) } };
    },
  });
  const entries = ['1', '2'].map((entryId) => ({ entryId, data: Buffer.from('{}'), contentType: 'application/json' }));
  expect(await publisher.publishMany({ ...published, entries, spanName: '/v1.0/publish/bulk' })).toEqual([]);
  await expect.poll(() => tracer.spans).toHaveLength(4);
  const [first, second, ...deliveries] = tracer.spans;
  for (const span of [first, second]) {
    expect(span).toMatchObject({ name: '/v1.0/publish/bulk', kind: 'producer', parent: traceparent });
  }
  expect(deliveries).toMatchObject([
    { name: 'pubsub/orders', parent: first?.traceparent, failure: undefined },
    { name: 'pubsub/orders', parent: second?.traceparent, failure: undefined },
  ]);
  expect(app.posted('/orders')[0]?.headers['traceparent']).toBe(deliveries[1]?.traceparent);
});

test('an event that the broker does not take is a span that failed', async () => {
  const tracer = new RecordingTracer();
  const { publisher, subscriptions } = await scene({
    subscription: { route: '/orders' },
    broker: { tracer, outbound: () => ({ execute: () => Promise.reject(new Error('the broker is away')) }) },
    handle: acknowledge,
  });
  await subscriptions.stop(never);
  const entries = [{ entryId: '1', data: Buffer.from('{}'), contentType: 'application/json' }];
  expect(await publisher.publishMany({ ...published, entries })).toHaveLength(1);
  expect(tracer.spans).toMatchObject([{ name: 'publish/orders', failure: 'the broker did not take it' }]);
});

test('an event of a binding is a span below what its source names; the app and the output bindings it names belong to it', async () => {
  const tracer = new RecordingTracer();
  const source = new EventSource();
  const [given, invoked]: [InputBindingEvent[], InvokeBinding[]] = [[], []];
  const deliverBinding: NonNullable<AppChannel['deliverBinding']> = async (event) => {
    given.push(event);
    if (given.length > 1) throw new Error('no more');
    return { data: Buffer.from('x'), to: ['sink'], concurrency: 'sequential' };
  };
  const inputs = new InputBindings({
    channel: { ...inProcessApp({}), deliverBinding },
    components: [{ name: 'source', type: 'bindings.test', instance: source, properties: { direction: 'input' } }],
    outputs: { invoke: async (request) => (invoked.push(request), {}) },
    logger: { isEnabled: () => false, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    tracer,
  });
  onTestFinished(() => inputs.stop(AbortSignal.abort()));
  await inputs.start(never);
  await source.emit('data', { metadata: { traceparent } });
  await expect(source.emit('data')).rejects.toThrow('no more');
  expect(tracer.spans).toMatchObject([
    {
      name: 'bindings/source',
      kind: 'consumer',
      parent: traceparent,
      failure: undefined,
      attributes: {
        'db.name': 'source',
        'db.system': 'bindings',
        'db.connection_string': 'POST /source',
        'rpc.service': 'Dapr',
      },
    },
    { name: 'bindings/source', parent: '', failure: 'the app did not handle it' },
  ]);
  expect(given[0]?.trace?.traceparent).toBe(tracer.spans[0]?.traceparent);
  expect(invoked[0]?.trace?.traceparent).toBe(tracer.spans[0]?.traceparent);
});
