import { DaprDefinition, GetStateRequest, GetStateResponse } from '@outrigger/protocol/runtime';
import { StateBlock } from '@outrigger/runtime';
import { describe, expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { blocks } from '../../../test/map-stores.ts';
import { serve } from '../../../test/served.ts';
import type { MethodDescription } from '@outrigger/grpc';
import { stateMethods } from './grpc.ts';
import { stateRoutes } from './http.ts';

const { fullName, methods } = DaprDefinition;

async function api() {
  const { call } = await serveGrpc({ services: [{ name: fullName, methods: stateMethods(blocks()) }] });
  return <I, O>(method: MethodDescription<I, O>, request: I) => call(fullName, method, request);
}

const get = { storeName: 'orders', key: 'k', consistency: 0, metadata: {} } as const;
const item = { key: 'k', value: Buffer.from('v'), metadata: {} };
const nothing = { data: Buffer.alloc(0), etag: '', metadata: {} };

describe('reading and writing one key', () => {
  test('any bytes come back as they were sent, with their etag', async () => {
    const call = await api();
    const value = Buffer.from([0, 255, 1, 128]);
    await call(methods.saveState, { storeName: 'orders', states: [{ ...item, value }] });
    expect(await call(methods.getState, get)).toEqual({ data: value, etag: '1', metadata: {} });
  });

  test('a missing key is an empty answer', async () => {
    const call = await api();
    expect(await call(methods.getState, get)).toEqual(nothing);
  });

  test('what its metadata calls JSON is stored as the bytes that came, and must be JSON', async () => {
    const call = await api();
    const metadata = { contentType: 'application/json' };
    const states = [{ ...item, value: Buffer.from('{"b" : 12345678901234567890}'), metadata }];
    await call(methods.saveState, { storeName: 'orders', states });
    expect((await call(methods.getState, get)).data).toEqual(states[0]?.value);
    const bad = call(methods.saveState, { storeName: 'orders', states: [{ ...item, metadata }] });
    await expect(bad).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining('the value of k is not JSON'),
    });
  });

  test('a key must be named, which Dapr says in other words over HTTP', async () => {
    const call = await api();
    const bad = call(methods.saveState, { storeName: 'orders', states: [{ ...item, key: '' }] });
    await expect(bad).rejects.toMatchObject({ code: 3, details: 'state key cannot be empty' });
    const { url } = await serve({ routes: stateRoutes(blocks()) });
    const answer = await fetch(`${url}/v1.0/state/orders`, { method: 'POST', body: '[{"key":"","value":1}]' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ message: '"key" is a required field' });
  });

  test('numbers of options that nobody knows mean none', async () => {
    const call = await api();
    const options = { concurrency: 9, consistency: 9 } as unknown as { concurrency: 0; consistency: 0 };
    await call(methods.saveState, { storeName: 'orders', states: [{ ...item, options }] });
    expect((await call(methods.getState, { ...get, consistency: 9 as 0 })).data.toString()).toBe('v');
  });
});

test('many keys are deleted at once, and none whose etag is not the stored one', async () => {
  const call = await api();
  const states = ['a', 'b', 'c'].map((key) => ({ ...item, key }));
  await call(methods.saveState, { storeName: 'orders', states });
  await call(methods.deleteBulkState, { storeName: 'orders', states: states.slice(0, 2) });
  const stale = { ...item, key: 'c', etag: { value: 'stale' } };
  await expect(call(methods.deleteBulkState, { storeName: 'orders', states: [stale] })).rejects.toMatchObject({
    code: 10,
    details:
      'failed deleting state in state store orders: possible etag mismatch. error from state store: shop||c has changed',
  });
  const { items } = await call(methods.getBulkState, {
    storeName: 'orders',
    keys: ['a', 'b', 'c'],
    parallelism: 2,
    metadata: {},
  });
  expect(items.map(({ data }) => data.toString())).toEqual(['', '', 'v']);
});

describe('a caller that goes away', () => {
  function waitingStore() {
    const asked = Promise.withResolvers<AbortSignal>();
    const state = new StateBlock(
      [
        {
          name: 'slow',
          store: {
            features: [],
            get: (_, signal) => {
              asked.resolve(signal);
              return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
            },
            set: async () => {},
            delete: async () => {},
            [Symbol.asyncDispose]: async () => {},
          },
          properties: {},
        },
      ],
      { appId: 'shop', namespace: '' },
    );
    return { asked: asked.promise, runtime: { state: (name: string) => state.store(name) } };
  }

  const aborted = (signal: AbortSignal) =>
    signal.aborted ? undefined : new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));

  test('ends its read, over gRPC', async () => {
    const { asked, runtime } = waitingStore();
    const { client } = await serveGrpc({ services: [{ name: fullName, methods: stateMethods(runtime) }] });
    const call = client.makeUnaryRequest(
      `/${fullName}/GetState`,
      (message: GetStateRequest) => Buffer.from(GetStateRequest.encode(message).finish()),
      (bytes) => GetStateResponse.decode(bytes),
      { ...get, storeName: 'slow' },
      () => {},
    );
    const signal = await asked;
    call.cancel();
    await aborted(signal);
  });

  test('ends its read, over HTTP', async () => {
    const { asked, runtime } = waitingStore();
    const { url } = await serve({ routes: stateRoutes(runtime) });
    const patience = new AbortController();
    const read = fetch(`${url}/v1.0/state/slow/k`, { signal: patience.signal });
    const signal = await asked;
    patience.abort();
    await expect(read).rejects.toThrow('aborted');
    await aborted(signal);
  });
});
