import type { Runtime } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { serve } from '../../../test/served.ts';
import { healthRoutes } from './http.ts';

async function get(path: string, missing: readonly string[] = [], outbound = true, all: Runtime['components'] = []) {
  const source = { appId: 'shop', notReady: () => missing, isOutboundReady: () => outbound, components: () => all };
  const { url } = await serve({ routes: healthRoutes(source), apiToken: 'secret' });
  const answer = await fetch(url + path);
  return [answer.status, await answer.text()] as const;
}

test('a ready process answers 204 without a token', async () => {
  expect(await get('/v1.0/healthz')).toEqual([204, '']);
  expect(await get('/v1.0/healthz?appid=shop')).toEqual([204, '']);
  expect(await get('/v1.0/healthz/outbound', ['app'])).toEqual([204, '']);
});

test('what is not ready is named', async () => {
  expect(await get('/v1.0/healthz', ['app', 'grpc-api'])).toEqual([
    500,
    '{"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready: [app grpc-api]"}',
  ]);
  expect(await get('/v1.0/healthz/outbound', [], false)).toEqual([
    500,
    '{"errorCode":"ERR_OUTBOUND_HEALTH_NOT_READY","message":"dapr outbound is not ready"}',
  ]);
});

test('each component is told of, and 503 when one is not ready', async () => {
  const of = { type: 'state.x', version: 'v1', capabilities: [] };
  const ready = { ...of, name: 'one', status: 'ready' } as const;
  const away = { ...of, name: 'two', status: 'unavailable', message: 'connection refused' } as const;
  expect(await get('/v1.0/healthz/components', [], true, [ready])).toEqual([
    200,
    '{"components":[{"name":"one","type":"state.x","status":"ready"}]}',
  ]);
  expect(await get('/v1.0/healthz/components', [], true, [ready, away])).toEqual([
    503,
    '{"components":[{"name":"one","type":"state.x","status":"ready"},' +
      '{"name":"two","type":"state.x","status":"unavailable"}]}',
  ]);
});

test('another app’s id is told', async () => {
  expect(await get('/v1.0/healthz?appid=other')).toEqual([
    500,
    '{"errorCode":"ERR_HEALTH_APPID_NOT_MATCH","message":"dapr app-id does not match"}',
  ]);
});
