import { describe, expect, test } from 'vitest';

import { blocks } from '../../../test/map-stores.ts';
import { serve } from '../../../test/served.ts';
import { stateRoutes } from './http.ts';

async function api() {
  const { url } = await serve({ routes: stateRoutes(blocks()) });
  const call = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: (): unknown => JSON.parse(text) };
  };
  return call;
}

describe('reading and writing one key', () => {
  test('the value comes back as the bytes that were sent, with its etag', async () => {
    const call = await api();
    const value = '{"b" : 1,"a":12345678901234567890, "t":"\\u00e9<>"}';
    const saved = await call('POST', '/v1.0/state/orders', `[{"key":"k 1/ä","value": ${value} }]`);
    expect([saved.status, saved.text, saved.headers.get('content-type')]).toEqual([204, '', null]);
    const got = await call('GET', `/v1.0/state/orders/${encodeURIComponent('k 1/ä')}`);
    expect([got.status, got.text]).toEqual([200, value]);
    expect(got.headers.get('content-type')).toBe('application/json');
    expect(got.headers.get('etag')).toBe('1');
  });

  test('a blank in a key may be written as +', async () => {
    const call = await api();
    await call('PUT', '/v1.0/state/orders', '[{"key":"a b","value":1}]');
    expect((await call('GET', '/v1.0/state/orders/a+b')).text).toBe('1');
  });

  test('a missing key is 204, a missing value is null', async () => {
    const call = await api();
    expect((await call('GET', '/v1.0/state/orders/none')).status).toBe(204);
    expect((await call('POST', '/v1.0/state/orders', '[{"key":"k","other":1}]')).status).toBe(204);
    expect((await call('GET', '/v1.0/state/orders/k')).text).toBe('null');
  });

  test('a TTL of the query wins over that of the item and comes back as ttlExpireTime', async () => {
    const call = await api();
    const item = '[{"key":"k","value":1,"metadata":{"ttlInSeconds":"5"}}]';
    expect((await call('POST', '/v1.0/state/orders?metadata.ttlInSeconds=60', item)).status).toBe(204);
    const got = await call('GET', '/v1.0/state/orders/k');
    expect(got.headers.get('metadata.ttlExpireTime')).toBe('2040-01-01T00:01:00Z');
  });

  test('deleting honours If-Match', async () => {
    const call = await api();
    await call('POST', '/v1.0/state/orders', '[{"key":"k","value":1}]');
    const lost = await call('DELETE', '/v1.0/state/orders/k', undefined, { 'if-match': '99' });
    expect([lost.status, (lost.json() as { errorCode: string }).errorCode]).toEqual([409, 'ERR_STATE_DELETE']);
    expect((await call('DELETE', '/v1.0/state/orders/k', undefined, { 'if-match': '1' })).status).toBe(204);
    expect((await call('GET', '/v1.0/state/orders/k')).status).toBe(204);
  });

  test('a stale etag in a write is a conflict', async () => {
    const call = await api();
    await call('POST', '/v1.0/state/orders', '[{"key":"k","value":1}]');
    const lost = await call('POST', '/v1.0/state/orders', '[{"key":"k","value":2,"etag":"9"}]');
    expect(lost.status).toBe(409);
    expect(lost.json()).toEqual({
      errorCode: 'ERR_STATE_SAVE',
      message:
        'failed saving state in state store orders: possible etag mismatch. error from state store: shop||k has changed',
    });
  });
});

describe('what is refused', () => {
  test.each([
    '',
    '{}',
    'foobar',
    '[{}]',
    '[1]',
    '[{"key":"a","value":1},]',
    '[{"key":"a","etag":123}]',
    '[{"key":5}]',
    '[{"ey":"k"}]',
  ])('the body %j', async (body) => {
    const call = await api();
    const answer = await call('POST', '/v1.0/state/orders', body);
    expect([answer.status, (answer.json() as { errorCode: string }).errorCode]).toEqual([400, 'ERR_MALFORMED_REQUEST']);
  });

  test.each(['[]', 'null'])('but not the body %s', async (body) => {
    const call = await api();
    expect((await call('POST', '/v1.0/state/orders', body)).status).toBe(204);
  });

  test('an unknown store, a key with || and a failing backend, each with its own answer', async () => {
    const call = await api();
    const unknown = await call('GET', '/v1.0/state/carts/k');
    expect(unknown.status).toBe(400);
    expect(unknown.json()).toEqual({
      errorCode: 'ERR_STATE_STORE_NOT_FOUND',
      message: 'state store carts is not found',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          domain: 'dapr.io',
          metadata: { appID: 'shop' },
          reason: 'DAPR_STATE_NOT_FOUND',
        },
      ],
    });
    expect((await call('GET', '/v1.0/state/orders/a%7C%7Cb')).json()).toMatchObject({
      errorCode: 'ERR_MALFORMED_REQUEST',
    });
    const broken = await call('GET', '/v1.0/state/broken/k');
    expect([broken.status, broken.json()]).toEqual([
      500,
      { errorCode: 'ERR_STATE_GET', message: 'fail to get k from state store broken: disk on fire' },
    ]);
  });
});

describe('several keys', () => {
  test('a bulk read answers each key in order', async () => {
    const call = await api();
    await call('POST', '/v1.0/state/orders', '[{"key":"a","value":{"n": 1}},{"key":"b","value":"x"}]');
    const answer = await call('POST', '/v1.0/state/orders/bulk', '{"keys":["b","none","a"],"parallelism":1}');
    expect(answer.text).toBe(
      '[{"key":"b","data":"x","etag":"2"},{"key":"none"},{"key":"a","data":{"n": 1},"etag":"1"}]',
    );
    expect((await call('POST', '/v1.0/state/orders/bulk', '{"keys":[]}')).text).toBe('[]');
    expect((await call('POST', '/v1.0/state/broken/bulk', '{"keys":["a"]}')).json()).toEqual([
      { key: 'a', error: 'disk on fire' },
    ]);
    expect((await call('POST', '/v1.0/state/orders/bulk', '[')).json()).toMatchObject({
      errorCode: 'ERR_MALFORMED_REQUEST',
    });
  });

  test('keys named bulk and transaction can be read and deleted', async () => {
    const call = await api();
    await call('POST', '/v1.0/state/orders', '[{"key":"bulk","value":1}]');
    expect((await call('GET', '/v1.0/state/orders/bulk')).text).toBe('1');
    expect((await call('DELETE', '/v1.0/state/orders/bulk')).status).toBe(204);
  });

  test('a transaction writes and deletes in order, values as they were sent', async () => {
    const call = await api();
    await call('POST', '/v1.0/state/orders', '[{"key":"old","value":1}]');
    const body = `{"metadata":{"a":"b"},"operations":[
      {"operation":"upsert","request":{"key":"n","value": [ 1,2 ] }},
      {"operation":"delete","request":{"key":"old"}},
      {"request":{"value":true,"key":"m"},"operation":"upsert"}]}`;
    expect((await call('POST', '/v1.0/state/orders/transaction', body)).status).toBe(204);
    expect((await call('GET', '/v1.0/state/orders/n')).text).toBe('[ 1,2 ]');
    expect((await call('GET', '/v1.0/state/orders/m')).text).toBe('true');
    expect((await call('GET', '/v1.0/state/orders/old')).status).toBe(204);
  });

  test.each([
    ['orders', '{"operations":[]}', 204, undefined],
    ['orders', '{"operations":[{"operation":"move","request":{"key":"a"}}]}', 400, 'ERR_NOT_SUPPORTED_STATE_OPERATION'],
    [
      'orders',
      '{"operations":[{"operation":"delete","request":{"key":"a","etag":"x"}}]}',
      500,
      'ERR_STATE_TRANSACTION',
    ],
    ['orders', '{"operations":{}}', 400, 'ERR_MALFORMED_REQUEST'],
    ['plain', '{"operations":[]}', 500, 'ERR_STATE_STORE_NOT_SUPPORTED'],
    ['none', '{}', 400, 'ERR_STATE_STORE_NOT_FOUND'],
  ])('a transaction on %s with %s answers %i', async (store, body, status, errorCode) => {
    const call = await api();
    const answer = await call('POST', `/v1.0/state/${store}/transaction`, body);
    expect(answer.status).toBe(status);
    if (errorCode !== undefined) expect(answer.json()).toMatchObject({ errorCode });
  });

  test('the keys of a store that lists none are refused', async () => {
    const call = await api();
    expect((await call('GET', '/v1.0-alpha1/state/orders/keys?prefix=a')).json()).toMatchObject({
      errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
      message: 'state store does not support listing keys',
    });
  });

  test('a query on a store that has none says so', async () => {
    const call = await api();
    expect((await call('POST', '/v1.0-alpha1/state/orders/query', '{}')).json()).toMatchObject({
      errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
      message: 'state store does not support querying',
    });
  });
});

test.each([
  ['names', ' {"operations":[],"Operations":[{"operation":"upsert","request":{"key":"a"}}],"operations":[]}'],
  ['requests', '{"operations":[{"operation":"upsert","request":1,"Request":{"key":"a"},"request":"\\""}]}'],
])('a transaction whose %s come twice in different case is refused, and the next call is served', async (_, body) => {
  const call = await api();
  const refused = await call('POST', '/v1.0/state/orders/transaction', body);
  expect([refused.status, (refused.json() as { errorCode: string }).errorCode]).toEqual([400, 'ERR_MALFORMED_REQUEST']);
  expect((await call('GET', '/v1.0/state/orders/a')).status).toBe(204);
});
