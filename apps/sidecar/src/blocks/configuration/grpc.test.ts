import { type ClientReadableStream, status } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import {
  DaprDefinition,
  SubscribeConfigurationRequest,
  SubscribeConfigurationResponse,
} from '@outrigger/protocol/runtime';
import { ConfigurationBlock } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { item, MapConfiguration } from '../../../test/map-configuration.ts';
import { configurationMethods } from './grpc.ts';

const { getConfiguration, getConfigurationAlpha1, unsubscribeConfiguration, unsubscribeConfigurationAlpha1 } =
  DaprDefinition.methods;
const dapr = DaprDefinition.fullName;
const config = { storeName: 'config', keys: [], metadata: {} };

async function served() {
  const store = new MapConfiguration({ color: item('blue', '1'), size: item('10') });
  const block = new ConfigurationBlock([{ name: 'config', store }], { logger: silentLogger });
  const methods = configurationMethods({ configurationStore: (name) => block.store(name) });
  const called = await serveGrpc({ services: [{ name: dapr, methods }] });
  const subscribe = (keys: string[], name = 'SubscribeConfiguration') =>
    called.client.makeServerStreamRequest(
      `/${dapr}/${name}`,
      (message: SubscribeConfigurationRequest) => Buffer.from(SubscribeConfigurationRequest.encode(message).finish()),
      (bytes) => SubscribeConfigurationResponse.decode(bytes),
      { ...config, keys },
    );
  return { store, block, ...called, subscribe };
}

/** What comes next on a stream; `undefined` at its end. */
async function next(
  answers: AsyncIterator<SubscribeConfigurationResponse>,
): Promise<SubscribeConfigurationResponse | undefined> {
  const answer = await answers.next();
  return answer.done === true ? undefined : answer.value;
}

function answersOf(call: ClientReadableStream<SubscribeConfigurationResponse>) {
  return (call as AsyncIterable<SubscribeConfigurationResponse>)[Symbol.asyncIterator]();
}

test.each([getConfiguration, getConfigurationAlpha1])('$name gives items by key, or all', async (method) => {
  const { call } = await served();
  expect(await call(dapr, method, { ...config, keys: ['color', 'none'] })).toEqual({
    items: { color: item('blue', '1') },
  });
  expect(Object.keys((await call(dapr, method, config)).items)).toEqual(['color', 'size']);
});

test('failures have Dapr’s status', async () => {
  const { call } = await served();
  await expect(call(dapr, getConfiguration, { ...config, storeName: 'other' })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'configuration store other not found',
  });
  await expect(call(dapr, getConfiguration, { ...config, metadata: { broken: '1' } })).rejects.toMatchObject({
    code: status.INTERNAL,
    details: 'failed to get [] from Configuration store config: disk on fire',
  });
});

test.each([
  ['SubscribeConfiguration', unsubscribeConfiguration],
  ['SubscribeConfigurationAlpha1', unsubscribeConfigurationAlpha1],
])('%s tells its id, then changes, and ends when it is unsubscribed', async (name, unsubscribe) => {
  const { call, store, subscribe } = await served();
  const answers = answersOf(subscribe(['color'], name));
  const first = await next(answers);
  expect(first).toEqual({ id: expect.stringMatching(/.+/), items: {} });
  const id = first?.id ?? '';

  await store.set({ color: item('red', '2'), size: item('11') });
  expect(await next(answers)).toEqual({ id, items: { color: item('red', '2') } });
  const burst = Promise.all(['a', 'b', 'c'].map((value) => store.set({ color: item(value) })));
  for (const value of ['a', 'b', 'c']) expect(await next(answers)).toEqual({ id, items: { color: item(value) } });
  await burst;

  expect(await call(dapr, unsubscribe, { storeName: 'config', id })).toEqual({ ok: true, message: '' });
  expect(await next(answers)).toBeUndefined();
  expect(store.watchers).toBe(0);
  expect(await call(dapr, unsubscribe, { storeName: 'config', id })).toEqual({
    ok: false,
    message: `failed to unsubscribe to configuration request ${id}: subscription does not exist`,
  });
});

test('unsubscribing from an unknown store is a failure, not an error', async () => {
  const { call } = await served();
  expect(await call(dapr, unsubscribeConfiguration, { storeName: 'other', id: 'x' })).toEqual({
    ok: false,
    message: 'configuration store other not found',
  });
});

test('a caller who goes ends the subscription', async () => {
  const { store, subscribe } = await served();
  const call = subscribe([]);
  call.on('error', () => {});
  await next(answersOf(call));
  expect(store.watchers).toBe(1);
  call.cancel();
  await expect.poll(() => store.watchers).toBe(0);
});

test('the stream ends when the runtime is leaving', async () => {
  const { block, subscribe } = await served();
  const answers = answersOf(subscribe([]));
  await next(answers);
  await block.endSubscriptions(AbortSignal.timeout(1000));
  expect(await next(answers)).toBeUndefined();
});

test('a subscription to an unknown store fails', async () => {
  const { client } = await served();
  const call = client.makeServerStreamRequest(
    `/${dapr}/SubscribeConfiguration`,
    (message: SubscribeConfigurationRequest) => Buffer.from(SubscribeConfigurationRequest.encode(message).finish()),
    (bytes) => SubscribeConfigurationResponse.decode(bytes),
    { ...config, storeName: 'other' },
  );
  await expect(next(answersOf(call))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
});
