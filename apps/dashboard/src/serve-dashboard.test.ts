import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { expect, onTestFinished, test } from 'vitest';

import type { DashboardInstance } from './instances/dashboard-instance.ts';
import { serveDashboard } from './serve-dashboard.ts';

const token = 'a-token-that-is-long-enough';

async function scene(instances: readonly DashboardInstance[] = []) {
  const dashboard = await serveDashboard({ instances: () => instances, token });
  onTestFinished(() => dashboard[Symbol.asyncDispose]());
  const host = `127.0.0.1:${dashboard.port}`;
  /** `fetch` sets some of these headers by itself. */
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body: string | Buffer = '') =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
      const { port } = dashboard;
      const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: { host, ...headers } });
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      request.end(body);
    });
  const cookie = `outrigger-dashboard-${dashboard.port}=${token}`;
  const origin = `http://${host}`;
  return { dashboard, ask, cookie, origin };
}

/** Stands for a sidecar. */
async function sidecar(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test('opens with the token, which from then on is in a cookie that no script and no other site can use', async () => {
  const { ask, cookie, dashboard } = await scene();
  expect(dashboard.url).toBe(`http://127.0.0.1:${dashboard.port}/?token=${token}`);
  const opened = await ask('GET', `/?token=${token}`, { 'sec-fetch-site': 'cross-site' });
  expect(opened.status).toBe(200);
  expect(opened.headers['set-cookie']).toEqual([`${cookie}; Path=/; HttpOnly; SameSite=Strict`]);
  expect((await ask('GET', '/api/instances', { cookie: `other=1; ${cookie}` })).status).toBe(200);
});

test('lets nobody in without the token', async () => {
  const { ask, cookie } = await scene();
  const refused = [
    await ask('GET', '/'),
    await ask('GET', '/?token=wrong'),
    await ask('GET', '/?token='),
    await ask('GET', '/api/instances'),
    await ask('GET', '/api/nothing'),
    await ask('GET', '/api/instances', { cookie: `${cookie}x` }),
    await ask('GET', '/api/instances', { cookie: cookie.slice(0, -1) }),
    await ask('GET', `/api/instances?token=${token}`),
  ];
  expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 401));
  for (const { body, headers } of refused) {
    expect(body).not.toContain(token);
    expect(headers['set-cookie']).toBeUndefined();
  }
});

test.each(['evil.example', 'evil.example:80', '127.0.0.1', '127.0.0.1:1', 'localhost.evil.example'])(
  'is not served under another name: %s',
  async (host) => {
    const { ask, cookie } = await scene();
    expect((await ask('GET', '/api/instances', { host, cookie })).status).toBe(421);
    expect((await ask('GET', `/?token=${token}`, { host })).status).toBe(421);
    expect((await ask('POST', '/v1/traces', { host, 'content-type': 'application/json' }, '{}')).status).toBe(421);
  },
);

test('does nothing that another site asks for, though the browser shows the cookie', async () => {
  const { ask, cookie, origin } = await scene();
  const path = '/api/instances/1/publish';
  const foreign: Record<string, string>[] = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    {},
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign) {
    expect((await ask('POST', path, { cookie, ...headers }, '{}')).status).toBe(403);
  }
  expect((await ask('GET', '/api/traces', { cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  expect((await ask('POST', path, { cookie, origin }, '{}')).status).toBe(404);
});

test('says to browsers that nothing comes from elsewhere, also when it refuses', async () => {
  const { ask } = await scene();
  for (const path of [`/?token=${token}`, '/', '/%']) {
    const { headers } = await ask('GET', path);
    expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  }
});

test('takes no token that can be guessed', async () => {
  await expect(serveDashboard({ instances: () => [], token: 'short' })).rejects.toThrow(/16 characters/);
});

test('answers what it cannot read, and goes on', async () => {
  const { ask, cookie, origin } = await scene([{ appId: 'orders', httpPort: 1 }]);
  const path = '/api/instances/1/publish';
  expect((await ask('POST', path, { cookie, origin }, '{')).status).toBe(400);
  expect((await ask('POST', path, { cookie, origin }, '[]')).status).toBe(400);
  expect((await ask('POST', path, { cookie, origin }, '{}')).status).toBe(400);
  expect((await ask('POST', path, { cookie, origin }, Buffer.alloc(5_000_000, ' '))).status).toBe(413);
  expect((await ask('GET', '/api/instances/%ff', { cookie })).status).toBe(400);
  expect((await ask('GET', '//evil.example/api', { cookie })).status).toBe(404);
  expect((await ask('DELETE', '/api/traces', { cookie, origin })).status).toBe(405);
  expect((await ask('GET', '/api/instances', { cookie })).status).toBe(200);
});

test('shows what runs and whether it is healthy, and keeps the API token to itself', async () => {
  const asked: unknown[] = [];
  const httpPort = await sidecar(({ url, headers }, response) => {
    asked.push([url, headers['dapr-api-token'], String(headers['traceparent']).slice(-3)]);
    if (url === '/v1.0/metadata') response.end('{"id": "orders", "components": []}');
    else response.writeHead(204).end();
  });
  const metricsPort = await sidecar((_, response) => {
    response.end(
      'dapr_resiliency_cb_state{flow_direction="outbound",name="r",policy="circuitbreaker",status="closed",target="a\\"b"} 0\n' +
        'dapr_resiliency_cb_state{flow_direction="outbound",name="r",policy="circuitbreaker",status="open",target="a\\"b"} 1\n',
    );
  });
  const { ask, cookie } = await scene([
    { appId: 'orders', httpPort, metricsPort, apiToken: 'secret-of-the-api' },
    { appId: 'gone', httpPort: 1 },
  ]);
  const all = await ask('GET', '/api/instances', { cookie });
  expect(JSON.parse(all.body)).toMatchObject([
    { appId: 'orders', health: 'ready' },
    { appId: 'gone', health: 'gone' },
  ]);
  const one = await ask('GET', `/api/instances/${httpPort}`, { cookie });
  expect(JSON.parse(one.body)).toMatchObject({
    metadata: { id: 'orders' },
    breakers: [{ name: 'r', target: 'a"b', direction: 'outbound', state: 'open' }],
  });
  expect(all.body + one.body).not.toContain('secret-of-the-api');
  expect(asked).toContainEqual(['/v1.0/metadata', 'secret-of-the-api', '-00']);
});

test('writes JSON into a store as it was typed, and reads what is no text as base64', async () => {
  const asked: string[] = [];
  const httpPort = await sidecar((request, response) => {
    request.on('data', (part: Buffer) => asked.push(part.toString()));
    request.on('end', () => {
      if (request.method === 'GET') response.setHeader('etag', '7').end(Buffer.from([0xff, 0]));
      else if (request.method === 'DELETE') response.writeHead(400).end('{"errorCode":"E","message":"not today"}');
      else response.writeHead(204).end();
    });
  });
  const { ask, cookie, origin } = await scene([{ appId: 'orders', httpPort }]);
  const path = `/api/instances/${httpPort}/state/store/item?key=a%2Fb`;
  const own = { cookie, origin };
  await ask('PUT', path, own, JSON.stringify({ value: '{"n": 12345678901234567890}' }));
  await ask('PUT', path, own, JSON.stringify({ value: 'no "JSON"' }));
  expect(asked).toEqual([
    '[{"key":"a/b","value":{"n": 12345678901234567890}}]',
    '[{"key":"a/b","value":"no \\"JSON\\""}]',
  ]);
  expect(JSON.parse((await ask('GET', path, { cookie })).body)).toEqual({ text: '/wA=', base64: true, etag: '7' });
  expect(await ask('DELETE', path, own)).toMatchObject({ status: 400, body: '{"message":"not today"}' });
});

const span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  name: 'a',
  startTimeUnixNano: '1700000000000000000',
  endTimeUnixNano: '1700000000005000000',
};
const exported = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span, { ...span, spanId: 'x' }] }] }] });

test('takes traces from programs without a token, and from no page', async () => {
  const { ask, cookie } = await scene();
  const json = { 'content-type': 'application/json' };
  const taken = await ask('POST', '/v1/traces', json, exported);
  expect(taken).toMatchObject({ status: 200, body: '{"partialSuccess":{"rejectedSpans":"1"}}' });
  const zipped = { ...json, 'content-encoding': 'gzip' };
  expect((await ask('POST', '/v1/traces', zipped, gzipSync(exported))).status).toBe(200);
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  expect((await ask('POST', '/v1/traces', zipped, bomb)).status).toBe(400);
  expect((await ask('POST', '/v1/traces', { 'content-type': 'text/plain' }, exported)).status).toBe(415);
  expect((await ask('POST', '/v1/traces', json, '{')).status).toBe(400);
  expect((await ask('POST', '/v1/traces', { ...json, origin: 'http://evil.example' }, exported)).status).toBe(403);
  expect(JSON.parse((await ask('GET', '/api/traces', { cookie })).body)).toMatchObject([
    { traceId: span.traceId, spans: 1, durationMs: 5 },
  ]);
  expect(JSON.parse((await ask('GET', `/api/traces/${span.traceId}`, { cookie })).body)).toMatchObject([
    { depth: 0, offset: 0, width: 1 },
  ]);
});
