import { silentLogger } from '@outrigger/core';
import { DaprDefinition } from '@outrigger/protocol/runtime';
import type { FailedPublish } from '@outrigger/runtime';
import { describe, expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { memoryRuntime } from '../../../test/memory-runtime.ts';
import type { MethodDescription } from '@outrigger/grpc';
import { pubsubMethods } from './grpc.ts';

const { fullName, methods } = DaprDefinition;
const event = { pubsubName: 'pubsub', topic: 'orders', data: Buffer.from('x'), dataContentType: '', metadata: {} };
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

async function api(failed: readonly FailedPublish[] = []) {
  const published: unknown[] = [];
  const pubsub = {
    publish: async (one: unknown) => void published.push(one),
    publishMany: async (many: unknown) => (published.push(many), failed),
    publishManyJson: async () => [],
  };
  const subscribe = () => Promise.reject(new Error('nobody subscribes'));
  const services = [{ name: fullName, methods: pubsubMethods({ pubsub, subscribe }, silentLogger) }];
  const { call } = await serveGrpc({ services });
  return {
    published,
    call: <I, O>(method: MethodDescription<I, O>, request: I, metadata?: Record<string, string | Buffer>) =>
      call(fullName, method, request, metadata),
  };
}

describe('publishing', () => {
  test('hands on what came, with the trace of the caller', async () => {
    const { call, published } = await api();
    const metadata = { rawPayload: 'true' };
    const trace = { traceparent, tracestate: 'v=1' };
    expect(
      await call(methods.publishEvent, { ...event, dataContentType: 'application/json', metadata }, trace),
    ).toEqual({});
    expect(published).toEqual([
      {
        pubsubName: 'pubsub',
        topic: 'orders',
        data: Buffer.from('x'),
        contentType: 'application/json',
        metadata,
        ...trace,
      },
    ]);
  });

  test('a trace that is none is not carried on; one in binary form is', async () => {
    const { call, published } = await api();
    await call(methods.publishEvent, event, { traceparent: 'nonsense', tracestate: 'v=1' });
    const binary = `0000${traceparent.slice(3, 35)}01${traceparent.slice(36, 52)}0201`;
    await call(methods.publishEvent, event, { 'grpc-trace-bin': Buffer.from(binary, 'hex') });
    expect(published).toMatchObject([
      { traceparent: '', tracestate: '' },
      { traceparent, tracestate: '' },
    ]);
  });
});

describe('publishing in bulk', () => {
  const entries = [
    { entryId: '1', event: Buffer.from('a'), contentType: 'text/plain', metadata: { a: 'b' } },
    { entryId: '2', event: Buffer.from('b'), contentType: '', metadata: {} },
  ];

  test.each(['bulkPublishEvent', 'bulkPublishEventAlpha1'] as const)('%s tells which entries failed', async (name) => {
    const failed = [{ entryId: '2', error: 'full' }];
    const { call, published } = await api(failed);
    const request = { pubsubName: 'pubsub', topic: 'orders', entries, metadata: { ttlInSeconds: '5' } };
    expect(await call(methods[name], request)).toEqual({ failedEntries: failed });
    expect(published).toEqual([
      {
        pubsubName: 'pubsub',
        topic: 'orders',
        metadata: { ttlInSeconds: '5' },
        traceparent: '',
        tracestate: '',
        spanName: '/dapr.proto.runtime.v1.Dapr/BulkPublishEventAlpha1/',
        entries: [
          { entryId: '1', data: Buffer.from('a'), contentType: 'text/plain', metadata: { a: 'b' } },
          { entryId: '2', data: Buffer.from('b'), contentType: '', metadata: {} },
        ],
      },
    ]);
  });
});

describe('what cannot be published', () => {
  test.each([
    [{ pubsubName: '' }, 3, 'pubsub name is empty'],
    [{ pubsubName: 'none' }, 3, 'pubsub none is not found'],
    [{ topic: '' }, 3, 'topic is empty in pubsub pubsub'],
    [{ topic: 'closed' }, 7, 'topic closed is not allowed for app id shop'],
    [
      { metadata: { rawPayload: 'maybe' } },
      3,
      "failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is 'maybe'",
    ],
    [{ dataContentType: 'application/cloudevents+json' }, 3, 'cannot create cloudevent'],
  ])('%j', async (change, code, details) => {
    const methodsOf = pubsubMethods(await memoryRuntime(), silentLogger);
    const { call } = await serveGrpc({ services: [{ name: fullName, methods: methodsOf }] });
    const request = { ...event, ...change };
    await expect(call(fullName, methods.publishEvent, request)).rejects.toMatchObject({ code, details });
    const entries = [{ entryId: '1', event: event.data, contentType: request.dataContentType, metadata: {} }];
    await expect(call(fullName, methods.bulkPublishEvent, { ...request, entries })).rejects.toMatchObject({
      code,
      details,
    });
  });

  test('entries without an id, or with the same', async () => {
    const methodsOf = pubsubMethods(await memoryRuntime(), silentLogger);
    const { call } = await serveGrpc({ services: [{ name: fullName, methods: methodsOf }] });
    const entry = { entryId: '1', event: event.data, contentType: 'text/plain', metadata: {} };
    for (const entries of [[entry, entry], [{ ...entry, entryId: '' }]]) {
      await expect(call(fullName, methods.bulkPublishEvent, { ...event, entries })).rejects.toMatchObject({
        code: 3,
        details:
          'error marshaling events to bytes for topic orders pubsub pubsub. error: entryId is duplicated or not present for entry',
      });
    }
  });
});
