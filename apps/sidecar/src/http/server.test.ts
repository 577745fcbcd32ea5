import { once } from 'node:events';
import { request } from 'node:http';

import { type LogFields, silentLogger } from '@outrigger/core';
import { ApiError } from '@outrigger/runtime';
import { describe, expect, test, vi } from 'vitest';

import { serve } from '../../test/served.ts';
import { replyBytes, replyEmpty, replyJson } from './reply.ts';
import type { HttpExchange, Route } from './route.ts';

const api = { name: 'x', version: 'v1' };

function route(pattern: string, handle: Route['handle'], more: Partial<Route> = {}): Route {
  return { methods: ['GET', 'POST'], pattern, api, handle, ...more };
}

const hello = route('/hello', (exchange) => replyEmpty(exchange));
const echo = route('/echo', async (exchange) => replyBytes(exchange, 200, await exchange.body()));
const zeros = '00-00000000000000000000000000000000-0000000000000000-00';

describe('finding the way', () => {
  test('dirty paths and slashes at the end find their route; params are unescaped', async () => {
    const seen: unknown[] = [];
    const show = (exchange: HttpExchange) => {
      seen.push([exchange.params, exchange.path, exchange.query, exchange.metadata(), exchange.queryValue('q')]);
      replyEmpty(exchange);
    };
    const { url } = await serve({ routes: [route('/a/{b}/{c…}', show)] });
    expect((await fetch(`${url}//a/./x%2Fy//d/e+f/?metadata.k=1&q=z`)).status).toBe(204);
    expect(seen).toEqual([[['x/y', 'd/e f'], '/a/x%2Fy/d/e+f', 'metadata.k=1&q=z', { k: '1' }, 'z']]);
  });

  test('what has no route goes to the fallback, without the API token', async () => {
    const seen: unknown[] = [];
    const fallback = (exchange: HttpExchange) => {
      seen.push(
        exchange.request.method,
        exchange.path,
        exchange.request.headers['dapr-api-token'],
        exchange.request.rawHeaders.includes('dapr-api-token'),
      );
      replyEmpty(exchange);
    };
    const { url } = await serve({ routes: [hello], fallback });
    await fetch(`${url}/hello`, { method: 'DELETE', headers: { 'dapr-api-token': 'x' } });
    expect(seen).toEqual(['DELETE', '/hello', undefined, false]);
  });

  test('without a fallback, as on the public port, there is just nothing', async () => {
    const { url } = await serve({});
    const answer = await fetch(`${url}/nothing`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await answer.text()).toBe('404 page not found\n');
  });

  test.each(['v1', 'v1.0'])('with invocation of version %s denied there is no fallback', async (version) => {
    const fallback = (exchange: HttpExchange) => replyEmpty(exchange);
    const denied = [{ name: 'invoke', version, protocol: '' as const }];
    const { url } = await serve({ routes: [hello], fallback, access: { allowed: [], denied } });
    const statuses = ['/hello', '/v1.0/invoke/other/method/x'].map(async (path) => (await fetch(url + path)).status);
    expect(await Promise.all(statuses)).toEqual([204, 404]);
  });

  test('a denied API falls to the fallback; with invocation denied, too, nothing is found', async () => {
    const denied = [{ name: 'x', version: 'v1', protocol: '' as const }];
    const fallback = (exchange: HttpExchange) => replyJson(exchange, 200, 'invoked');
    const one = await serve({ routes: [hello], fallback, access: { allowed: [], denied } });
    expect(await (await fetch(`${one.url}/hello`)).json()).toBe('invoked');
    const both = [...denied, { name: 'invoke', version: 'v1', protocol: '' as const }];
    const two = await serve({ routes: [hello], fallback, access: { allowed: [], denied: both } });
    expect((await fetch(`${two.url}/hello`)).status).toBe(404);
  });
});

describe('answers', () => {
  test('carry the caller’s traceparent, or one of zeros', async () => {
    const { url } = await serve({ routes: [hello] });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traced = await fetch(`${url}/hello`, { headers: { traceparent } });
    expect(traced.headers.get('traceparent')).toBe(traceparent);
    for (const bad of [{}, { traceparent: 'x' }, { traceparent: zeros }]) {
      const answer = await fetch(`${url}/hello`, { headers: bad });
      expect(answer.headers.get('traceparent')).toBe(zeros);
    }
  });

  test('an ApiError is shown with its details', async () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.Help', links: [] }] as const;
    const fail = () => {
      throw new ApiError('no', { errorCode: 'ERR_X', httpStatus: 418, grpcStatus: 'UNKNOWN', details });
    };
    const { url } = await serve({ routes: [route('/fail', fail)] });
    const answer = await fetch(`${url}/fail`);
    expect([answer.status, await answer.json()]).toEqual([418, { errorCode: 'ERR_X', message: 'no', details }]);
  });

  test.each([
    [
      'thrown',
      () => {
        throw new Error('the password is hunter2');
      },
    ],
    ['rejected', () => Promise.reject(new Error('the password is hunter2'))],
  ])('anything else that is %s is logged and not shown', async (_, fail) => {
    const error = vi.fn();
    const { url } = await serve({ routes: [route('/fail', fail), hello], logger: { ...silentLogger, error } });
    const answer = await fetch(`${url}/fail`);
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { errorCode: 'ERR_INTERNAL', message: 'internal error' },
    ]);
    expect(error).toHaveBeenCalledWith('GET /fail failed: the password is hunter2', expect.anything());
    expect((await fetch(`${url}/hello`)).status).toBe(204);
  });

  test('an answer that fails half-way is broken off', async () => {
    const half = async ({ response }: HttpExchange) => {
      response.writeHead(200, ['content-length', '10']).write('half');
      throw new Error('lost');
    };
    const { url } = await serve({ routes: [route('/half', half)] });
    await expect(fetch(`${url}/half`).then((answer) => answer.text())).rejects.toThrow('terminated');
  });
});

describe('bodies', () => {
  test('come whole, also in pieces', async () => {
    const { port } = await serve({ routes: [echo] });
    const call = request({ port, path: '/echo', method: 'POST' });
    for (const piece of ['a'.repeat(70_000), 'b', 'c'.repeat(10)]) call.write(piece);
    call.end();
    const [answer] = (await once(call, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    expect(text).toBe(`${'a'.repeat(70_000)}b${'c'.repeat(10)}`);
  });

  test('of the limit’s length pass; longer ones are 400, with their length known or not', async () => {
    const { url } = await serve({ routes: [echo], maxBodySize: 10 });
    const send = (body: string | ReadableStream) => fetch(`${url}/echo`, { method: 'POST', body, duplex: 'half' });
    expect((await send('x'.repeat(10))).status).toBe(200);
    for (const body of ['x'.repeat(11), new Blob(['x'.repeat(100)]).stream()]) {
      const answer = await send(body);
      expect([answer.status, await answer.json()]).toEqual([
        400,
        {
          errorCode: 'ERR_BODY_READ',
          message: 'failed to read request body: it is larger than 10 bytes (--max-body-size)',
        },
      ]);
    }
  });

  test('in pieces are held to the same limit, and leaving early keeps the connection', async () => {
    const count = route('/count', async (exchange) => {
      let length = 0;
      for await (const chunk of exchange.bodyStream()) length += chunk.length;
      replyJson(exchange, 200, length);
    });
    const leave = route('/leave', async (exchange) => {
      for await (const _ of exchange.bodyStream()) break;
      replyEmpty(exchange);
    });
    const { url } = await serve({ routes: [count, leave], maxBodySize: 100_000 });
    const send = async (path: string, length: number) => {
      const answer = await fetch(url + path, { method: 'POST', body: 'x'.repeat(length) });
      return [answer.status, await answer.text()];
    };
    expect(await send('/count', 100_000)).toEqual([200, '100000']);
    expect(await send('/count', 0)).toEqual([200, '0']);
    expect(await send('/count', 100_001)).toEqual([400, expect.stringContaining('ERR_BODY_READ')]);
    expect(await send('/leave', 1_000_000)).toEqual([204, '']);
  });

  test('without a limit any length is fine', async () => {
    const { url } = await serve({ routes: [echo], maxBodySize: 0 });
    const body = 'x'.repeat(5 * 1024 * 1024);
    expect((await (await fetch(`${url}/echo`, { method: 'POST', body })).text()).length).toBe(body.length);
  });

  test('that break off reject, and the signal tells', async () => {
    const outcome = Promise.withResolvers<unknown>();
    const aborted = Promise.withResolvers<unknown>();
    const wait = async (exchange: HttpExchange) => {
      exchange.signal().addEventListener('abort', () => aborted.resolve(exchange.signal().reason));
      await exchange.body().catch(outcome.resolve);
    };
    const { port } = await serve({ routes: [route('/wait', wait)] });
    const call = request({ port, path: '/wait', method: 'POST', headers: { 'content-length': 100 } });
    call.on('error', () => {});
    call.write('x', () => call.destroy());
    expect(await outcome.promise).toMatchObject({ errorCode: 'ERR_BODY_READ' });
    expect(await aborted.promise).toMatchObject({ name: 'ClientGone' });
  });
});

describe('the API token', () => {
  const health = route('/healthz', (exchange) => replyEmpty(exchange), { healthCheck: true });

  test('is asked of everything but health checks', async () => {
    const { url } = await serve({
      routes: [hello, health],
      fallback: (exchange) => replyEmpty(exchange),
      apiToken: 'sésame',
    });
    const status = async (path: string, token?: string) =>
      (await fetch(url + path, { headers: token === undefined ? {} : { 'dapr-api-token': token } })).status;
    const right = Buffer.from('sésame').toString('latin1');
    expect(
      await Promise.all([
        status('/hello'),
        status('/hello', 'x'),
        status('/hello', right),
        status('/hello', `${right}x`),
      ]),
    ).toEqual([401, 401, 204, 401]);
    expect(await Promise.all([status('/other'), status('/other', right), status('/healthz')])).toEqual([401, 204, 204]);
    const refused = await fetch(`${url}/hello`);
    expect([await refused.text(), refused.headers.get('content-type')]).toEqual([
      'invalid api token\n',
      'text/plain; charset=utf-8',
    ]);
  });
});

describe('CORS', () => {
  const origin = 'https://shop.example';
  const preflight = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-a, x-b' };

  test('is off by default', async () => {
    const { url } = await serve({ routes: [hello] });
    const answer = await fetch(`${url}/hello`, { headers: { origin } });
    expect([answer.headers.get('access-control-allow-origin'), answer.headers.get('vary')]).toEqual([null, null]);
  });

  test('for all: preflights are answered before the token is asked for', async () => {
    const { url } = await serve({ routes: [hello], allowedOrigins: '*', apiToken: 't' });
    const answer = await fetch(`${url}/hello`, { method: 'OPTIONS', headers: preflight });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'x-a, x-b',
    });
    const real = await fetch(`${url}/hello`, { headers: { origin, 'dapr-api-token': 't' } });
    expect([real.status, real.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  });

  test('for some: others get no permission', async () => {
    const { url } = await serve({ routes: [hello], allowedOrigins: 'https://a.example, https://*.example' });
    const allowed = async (from: string) =>
      (await fetch(`${url}/hello`, { headers: { origin: from } })).headers.get('access-control-allow-origin');
    expect(await allowed(origin)).toBe(origin);
    expect(await allowed('https://shop.evil')).toBeNull();
    const answer = await fetch(`${url}/hello`, {
      method: 'OPTIONS',
      headers: { ...preflight, origin: 'https://x.evil' },
    });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, null]);
  });
});

describe('the API log', () => {
  async function lines(options: { obfuscateURLs: boolean; omitHealthChecks: boolean }, ...paths: string[]) {
    const seen: [string, LogFields | undefined][] = [];
    const logger = {
      ...silentLogger,
      info: (message: string, fields?: LogFields) => void seen.push([message, fields]),
    };
    const named = { ...hello, operation: 'SayHello' };
    const health = route('/healthz', (exchange) => replyEmpty(exchange), { healthCheck: true });
    const { url } = await serve({ routes: [named, health], apiLog: { logger, ...options } });
    for (const path of paths) await fetch(url + path, { headers: { 'user-agent': 'test/1' } });
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    return seen;
  }

  test('says who called what and how it went', async () => {
    expect(await lines({ obfuscateURLs: false, omitHealthChecks: false }, '/hello?secret=1')).toEqual([
      [
        'HTTP API Called',
        { code: 204, duration: expect.any(Number) as number, method: 'GET /hello', useragent: 'test/1' },
      ],
    ]);
  });

  test('hides paths and health checks where it is told to', async () => {
    const seen = await lines({ obfuscateURLs: true, omitHealthChecks: true }, '/healthz', '/hello');
    expect(seen.map(([, fields]) => fields?.['method'])).toEqual(['SayHello']);
  });
});
