import { describe, expect, test } from 'vitest';

import { echoBindings } from '../../../test/echo-bindings.ts';
import { serve } from '../../../test/served.ts';
import { bindingRoutes } from './http.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

async function api() {
  const { bindings, requests } = echoBindings();
  const { url } = await serve({ routes: bindingRoutes(bindings) });
  const call = (body: string, headers: Record<string, string> = {}, { name = 'echo', method = 'POST' } = {}) =>
    fetch(`${url}/v1.0/bindings/${name}`, { method, body, headers });
  return { call, requests };
}

describe('what is sent', () => {
  test.each([
    ['a text, without its quotes', String.raw`{"operation":"create","data":"line\nü \"x\""}`, 'line\nü "x"'],
    [
      'any other JSON, as it was written',
      '{"data": {"b":1,  "a":12345678901234567890} ,"operation":"create"}',
      '{"b":1,  "a":12345678901234567890}',
    ],
    ['a number', '{"operation":"create","data":1.0}', '1.0'],
    ['null', '{"operation":"create","data":null}', 'null'],
    ['names in any case', '{"Operation":"create","DATA":[1]}', '[1]'],
  ])('%s', async (_, body, data) => {
    const { call, requests } = await api();
    const answer = await call(body);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.text()).toBe(data);
    expect(Buffer.from(requests[0]?.data ?? []).toString()).toBe(data);
  });

  test('no data is no data, and PUT is as good as POST', async () => {
    const { call, requests } = await api();
    const answer = await call('{"operation":"create","metadata":{"key":"k"}}', {}, { method: 'PUT' });
    expect(answer.status).toBe(204);
    expect(requests).toEqual([{ operation: 'create', data: new Uint8Array(), metadata: { key: 'k' } }]);
  });

  test("the caller's trace goes into the metadata", async () => {
    const { call, requests } = await api();
    await call('{"operation":"create","metadata":{"key":"k","traceparent":"mine"}}', {
      traceparent,
      tracestate: 'a=b',
      baggage: 'user=alice, tenant=a%20b;p=1',
    });
    await call('{"operation":"create"}', { traceparent: 'nonsense', tracestate: 'a=b' });
    expect(requests.map(({ metadata }) => metadata)).toEqual([
      { key: 'k', traceparent, tracestate: 'a=b', baggage: 'user=alice, tenant=a%20b;p=1' },
      {},
    ]);
  });
});

describe('what comes back', () => {
  test('response metadata are headers; what no header can be is left out or escaped', async () => {
    const { call } = await api();
    const { headers } = await call('{"operation":"create","data":1}');
    const own = [...headers].filter(([name]) => name.startsWith('metadata.'));
    expect(own).toEqual([
      ['metadata.status', '200 OK'],
      ['metadata.x-break', 'a%0Ab'],
    ]);
  });

  test('nothing is 204', async () => {
    const { call } = await api();
    expect((await call('{"operation":"delete"}')).status).toBe(204);
  });

  test('a failure has its metadata, too', async () => {
    const { call } = await api();
    const answer = await call('{"operation":"get"}');
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      errorCode: 'ERR_INVOKE_OUTPUT_BINDING',
      message: 'error invoking output binding echo: received status code 404',
    });
    expect(answer.headers.get('metadata.statuscode')).toBe('404');
    expect(answer.headers.get('metadata.x-why')).toBe('gone%E2%9C%93');
  });
});

test.each([
  ['none', '{"operation":"create"}', "error invoking output binding none: couldn't find output binding none"],
  [
    'echo',
    '{"operation":"fly"}',
    'error invoking output binding echo: binding echo does not support operation fly. supported operations:create delete get',
  ],
  ['echo', '{}', 'error invoking output binding echo: operation field is missing from request'],
])('binding %s with %s answers 500', async (name, body, message) => {
  const { call } = await api();
  const answer = await call(body, {}, { name });
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ errorCode: 'ERR_INVOKE_OUTPUT_BINDING', message });
});

test.each([
  ['', {}],
  ['{"operation":', {}],
  ['[]', {}],
  ['{"operation":1}', {}],
  ['{"operation":"create","metadata":{"n":1}}', {}],
  ['{"operation":"create"}', { baggage: 'no value' }],
  ['{"operation":"create"}', { baggage: 'a=%zz' }],
])('%j with %j is refused with 400', async (body, headers) => {
  const { call, requests } = await api();
  const answer = await call(body, headers);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ errorCode: 'ERR_MALFORMED_REQUEST' });
  expect(requests).toEqual([]);
});
