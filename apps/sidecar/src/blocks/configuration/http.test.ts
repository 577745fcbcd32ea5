import { silentLogger } from '@outrigger/core';
import { ConfigurationBlock, inProcessApp } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { item, MapConfiguration } from '../../../test/map-configuration.ts';
import { serve } from '../../../test/served.ts';
import { configurationRoutes } from './http.ts';

async function served(options: { readonly app?: boolean } = {}) {
  const store = new MapConfiguration({ color: item('blue', '1'), size: item('10') });
  const told: [path: string, body: unknown][] = [];
  const app = inProcessApp({});
  app.invoke = async ({ path, body }) => {
    told.push([path, JSON.parse(Buffer.from(body as Uint8Array).toString())]);
    return { status: 200, headers: {}, body: undefined };
  };
  const block = new ConfigurationBlock([{ name: 'config', store }], {
    logger: silentLogger,
    ...(options.app === false ? {} : { app }),
  });
  const { url } = await serve({ routes: configurationRoutes({ configurationStore: (name) => block.store(name) }) });
  const get = async (path: string) => {
    const answer = await fetch(`${url}/${path}`);
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
  return { store, told, get };
}

test.each(['v1.0', 'v1.0-alpha1'])('/%s: items by key, all of them, or 204', async (version) => {
  const { get } = await served();
  const color = { color: { value: 'blue', version: '1', metadata: {} } };
  expect(await get(`${version}/configuration/config?key=color&key=none`)).toEqual({ status: 200, body: color });
  expect(await get(`${version}/configuration/config`)).toEqual({
    status: 200,
    body: { ...color, size: { value: '10', version: '', metadata: {} } },
  });
  expect(await get(`${version}/configuration/config?key=none`)).toEqual({ status: 204, body: undefined });
});

test.each(['v1.0', 'v1.0-alpha1'])('/%s: the app is told of changes until it unsubscribes', async (version) => {
  const { get, store, told } = await served();
  const { status, body } = await get(`${version}/configuration/config/subscribe?key=color`);
  expect(status).toBe(200);
  const { id } = body as { id: string };
  await store.set({ color: item('red', '2'), size: item('11') });
  const items = { color: { value: 'red', version: '2', metadata: {} } };
  expect(told).toEqual([['/configuration/config/color', { id, items }]]);

  const end = `${version}/configuration/config/${id}/unsubscribe`;
  expect(await get(end)).toEqual({ status: 200, body: { ok: true } });
  expect(store.watchers).toBe(0);
  expect(await get(end)).toEqual({
    status: 500,
    body: { ok: false, message: `failed to unsubscribe to configuration request ${id}: subscription does not exist` },
  });
});

test('failures have Dapr’s codes', async () => {
  const { get } = await served({ app: false });
  expect(await get('v1.0/configuration/other')).toEqual({
    status: 400,
    body: { errorCode: 'ERR_CONFIGURATION_STORE_NOT_FOUND', message: 'configuration store other not found' },
  });
  expect(await get('v1.0/configuration/config?key=a&key=b&metadata.broken=1')).toEqual({
    status: 500,
    body: {
      errorCode: 'ERR_CONFIGURATION_GET',
      message: 'failed to get [a b] from Configuration store config: disk on fire',
    },
  });
  expect(await get('v1.0/configuration/config/subscribe')).toEqual({
    status: 500,
    body: {
      errorCode: 'ERR_APP_CHANNEL_NIL',
      message:
        'app channel is not initialized. cannot subscribe to configuration updates; start the sidecar of the app with --app-port',
    },
  });
});
