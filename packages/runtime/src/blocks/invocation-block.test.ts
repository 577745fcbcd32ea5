import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { ComponentError, silentLogger } from '@outrigger/core';
import { describe, expect, it, onTestFinished } from 'vitest';

import { AccessControl } from '../access-control/access-control.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import type { ApiError } from '../errors.ts';
import { noMetrics } from '../metrics.ts';
import type { AppRequest, AppResponse, Body } from '../app-channel/app-channel.ts';
import { compilePolicies } from '../resilience/compile-policies.ts';
import { Problems } from '../resources/problems.ts';
import type { ResiliencyResource } from '../resources/resiliency-resource.ts';
import { createInvocation } from './invocation-block.ts';
import { PeerError } from './invocation-errors.ts';
import type { InvocationOptions } from './invocation.ts';

const never = new AbortController().signal;

type Peer = (request: AppRequest, signal: AbortSignal, attempt: number) => Promise<AppResponse>;

/** An invocation block with one peer, which may fail; `policies` apply to it. */
async function block(
  peer: Peer,
  resiliency: Partial<ResiliencyResource> = {},
  options: Partial<InvocationOptions> = {},
) {
  let attempts = 0;
  const resource: ResiliencyResource = {
    name: 'r',
    namespace: '',
    file: 'resiliency.yaml',
    line: 1,
    timeouts: new Map(),
    // The built-in retries do not wait in these tests.
    retries: new Map([['DaprBuiltInServiceRetries', { policy: 'constant', duration: 1, maxRetries: 3 }]]),
    circuitBreakers: new Map(),
    apps: new Map(),
    actors: new Map(),
    components: new Map(),
    ...resiliency,
  };
  const invocation = createInvocation({
    appId: 'checkout',
    namespace: '',
    policies: await compilePolicies([resource], new Problems(), silentLogger),
    resolver: { resolve: async () => ['127.0.0.1:1'], [Symbol.asyncDispose]: async () => {} },
    peers: {
      call: (_address, _target, request, signal) => peer(request, signal, ++attempts),
      [Symbol.asyncDispose]: async () => {},
    },
    ...options,
  });
  onTestFinished(() => invocation[Symbol.asyncDispose]());
  const call = (request: Partial<AppRequest> & { target?: string } = {}, signal: AbortSignal = never) =>
    invocation.invoke(
      { target: 'inventory', verb: 'GET', path: '/x', query: '', headers: {}, body: undefined, ...request },
      signal,
    );
  return { invocation, call, attempts: () => attempts };
}

const at = { file: 'resiliency.yaml', line: 1 };
const retrying = {
  retries: new Map([['r', { policy: 'constant', duration: 1, maxRetries: 2 } as const]]),
  apps: new Map([['inventory', { ...at, retry: 'r' }]]),
};

async function bodyText(body: Body): Promise<string> {
  if (body === undefined) return '';
  return body instanceof Uint8Array ? Buffer.from(body).toString() : text(body as AsyncIterable<Buffer>);
}

async function* pieces(...texts: string[]) {
  for (const piece of texts) yield Buffer.from(piece);
}

const answer = (status: number, body = '') => ({ status, headers: {}, body: Buffer.from(body) });
const unreached = () => new ComponentError('unavailable', 'rpc error: code = Unavailable desc = refused');

describe('the built-in retries', () => {
  it('go on for a peer that cannot be reached, whatever the body', async () => {
    const bodies: string[] = [];
    const { call, attempts } = await block(async (request, _, attempt) => {
      if (attempt < 3) throw unreached();
      bodies.push(await bodyText(request.body));
      return answer(200, 'there');
    });
    const response = await call({ verb: 'POST', body: pieces('not ', 'lost') });
    expect(await bodyText(response.body)).toBe('there');
    expect([attempts(), bodies]).toEqual([3, ['not lost']]);
  });

  it('end with the last failure after three of them', async () => {
    const { call, attempts } = await block(() => Promise.reject(unreached()));
    await expect(call()).rejects.toMatchObject({
      message:
        'failed to invoke, id: inventory, err: failed to invoke target inventory after 3 retries. Error: rpc error: code = Unavailable desc = refused',
      errorCode: 'ERR_DIRECT_INVOKE',
      httpStatus: 500,
    });
    expect(attempts()).toBe(4);
  });

  it.each([
    ['GET', 4],
    ['PUT', 4],
    ['POST', 1],
  ])('of a %s that a peer has refused as unavailable make %i attempts', async (verb, expected) => {
    const { call, attempts } = await block(() => Promise.reject(new PeerError('UNAVAILABLE', 'connection dropped')));
    await expect(call({ verb })).rejects.toThrow('connection dropped');
    expect(attempts()).toBe(expected);
  });

  it.each([
    ['that was short enough to keep', 'x', 4],
    ['that was not', 'x'.repeat(70_000), 1],
  ])('of a PUT in pieces %s are as of any other', async (_, piece, expected) => {
    const bodies: string[] = [];
    const { call, attempts } = await block(async ({ body }) => {
      bodies.push(await bodyText(body));
      throw new PeerError('UNAVAILABLE', 'connection dropped');
    });
    await expect(call({ verb: 'PUT', body: pieces(piece, 'y') })).rejects.toThrow('connection dropped');
    expect(attempts()).toBe(expected);
    expect(new Set(bodies)).toEqual(new Set([`${piece}y`]));
  });

  it('go on within each attempt of a default policy', async () => {
    const { call, attempts } = await block(() => Promise.reject(unreached()), {
      retries: new Map([
        ['DaprBuiltInServiceRetries', { policy: 'constant', duration: 1, maxRetries: 3 }],
        ['DefaultAppRetryPolicy', { policy: 'constant', duration: 1, maxRetries: 1 }],
      ]),
    });
    await expect(call()).rejects.toThrow('failed to invoke target inventory after 3 retries');
    expect(attempts()).toBe(8);
  });

  it.each([
    [
      'a timeout alone',
      { timeouts: new Map([['t', 30_000]]), apps: new Map([['inventory', { ...at, timeout: 't' }]]) },
    ],
    ['nothing that exists', { apps: new Map([['inventory', { ...at, retry: 'missing' }]]) }],
  ])('leave an app alone whose own entry has %s', async (_, resource) => {
    const { call, attempts } = await block(() => Promise.reject(unreached()), resource);
    await expect(call()).rejects.toThrow('Unavailable desc = refused');
    expect(attempts()).toBe(1);
  });

  it('do not touch what the app answers', async () => {
    const { call, attempts } = await block(async () => answer(503, 'busy'));
    expect((await call()).status).toBe(503);
    expect(attempts()).toBe(1);
  });
});

describe("a user's policy", () => {
  it('tries failing answers again, and hands over the last', async () => {
    const { call, attempts } = await block(async (_, __, attempt) => answer(500, `answer ${attempt}`), retrying);
    const response = await call();
    expect([response.status, await bodyText(response.body), attempts()]).toEqual([500, 'answer 3', 3]);
  });

  it('sends a body again that says its length', async () => {
    const bodies: string[] = [];
    const { call } = await block(async ({ body }) => {
      bodies.push(await bodyText(body));
      return answer(bodies.length < 3 ? 500 : 200);
    }, retrying);
    const body = { verb: 'POST', body: pieces('again ', 'and again'), headers: { 'content-length': '15' } };
    expect((await call(body)).status).toBe(200);
    expect(bodies).toEqual(['again and again', 'again and again', 'again and again']);
  });

  it('sends a body of unknown length again that was short enough to keep', async () => {
    const bodies: string[] = [];
    const { call } = await block(async ({ body }) => {
      bodies.push(await bodyText(body));
      return answer(bodies.length < 3 ? 500 : 200);
    }, retrying);
    expect((await call({ verb: 'POST', body: pieces('again ', 'and again') })).status).toBe(200);
    expect(bodies).toEqual(['again and again', 'again and again', 'again and again']);
  });

  it.each([
    ['that says it is too long to keep', {}, { 'content-length': '5000000' }],
    ['that turns out to be too long to keep', { maxReplaySize: 3 }, {}],
  ])('does not try a streamed body again %s', async (_, options, headers) => {
    const { call, attempts } = await block(async ({ body }) => answer(500, await bodyText(body)), retrying, options);
    const response = await call({ verb: 'POST', body: pieces('once'), headers });
    expect([response.status, await bodyText(response.body), attempts()]).toEqual([500, 'once', 1]);
  });

  it('does not try again when the body of the request has broken off', async () => {
    const { call, attempts } = await block(async ({ body }) => answer(200, await bodyText(body)), retrying);
    const broken = (async function* () {
      yield Buffer.from('half');
      throw new Error('the client has gone');
    })();
    await expect(call({ verb: 'POST', body: broken })).rejects.toThrow('the client has gone');
    expect(attempts()).toBe(1);
  });

  it('does not try a streamed body again that was cut off by the timeout', async () => {
    const { call, attempts } = await block(
      async ({ body }, signal) => {
        await bodyText(body);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
      {
        ...retrying,
        timeouts: new Map([['t', 20]]),
        apps: new Map([['inventory', { ...at, retry: 'r', timeout: 't' }]]),
      },
    );
    await expect(
      call({ verb: 'POST', body: pieces('once'), headers: { 'content-length': '5000000' } }),
    ).rejects.toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: expect.stringContaining('timed out after 20 ms'),
    });
    expect(attempts()).toBe(1);
  });

  it('breaks the circuit for one path alone', async () => {
    const { call, attempts } = await block(async ({ path }) => answer(path === '/good' ? 200 : 500), {
      circuitBreakers: new Map([['cb', { ...at, trip: 'consecutiveFailures > 1' }]]),
      apps: new Map([['inventory', { ...at, circuitBreaker: 'cb' }]]),
    });
    for (let time = 0; time < 2; time++) expect((await call({ path: '/bad' })).status).toBe(500);
    await expect(call({ path: '/bad' })).rejects.toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      httpStatus: 500,
      message: expect.stringContaining('circuit breaker is open'),
    });
    // Another spelling is the same path.
    await expect(call({ path: '/x/..//bad' })).rejects.toThrow('circuit breaker is open');
    expect((await call({ path: '/good' })).status).toBe(200);
    expect(attempts()).toBe(3);
  });

  it('does not end an answer that streams when its time is up', async () => {
    const { promise: later, resolve } = Promise.withResolvers<void>();
    const { call } = await block(
      async (_, signal) => ({
        status: 200,
        headers: {},
        body: (async function* () {
          yield Buffer.from('first ');
          await later;
          signal.throwIfAborted();
          yield Buffer.from('last');
        })(),
      }),
      { timeouts: new Map([['t', 30]]), apps: new Map([['inventory', { ...at, timeout: 't' }]]) },
    );
    const response = await call();
    setTimeout(resolve, 60);
    expect(await bodyText(response.body)).toBe('first last');
  });
});

it('a caller that leaves aborts the call with its own reason', async () => {
  const leaving = new AbortController();
  const { call } = await block(
    (_, signal) =>
      new Promise((__, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        leaving.abort(new Error('gone'));
      }),
  );
  await expect(call({}, leaving.signal)).rejects.toThrow(/^gone$/);
});

describe('an HTTPEndpoint', () => {
  async function listen(handler: RequestListener): Promise<string> {
    const server = createServer(handler);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const echo: RequestListener = (request, response) => {
    void text(request).then((body) => {
      response.writeHead(302, { location: '/elsewhere', connection: 'keep-alive, x-hop', 'x-hop': '1' });
      response.end(JSON.stringify({ url: request.url, headers: request.headers, body }));
    });
  };

  it('is called by its name: base path, own headers, redirects as they are', async () => {
    const baseUrl = `${await listen(echo)}/base/`;
    const { call } = await block(
      () => Promise.reject(new Error('no peer')),
      {},
      {
        httpEndpoints: [{ name: 'shop', baseUrl, headers: [{ name: 'Authorization', value: 'Bearer own' }] }],
      },
    );
    const headers = { authorization: 'Bearer client', 'x-own': 'kept', 'dapr-api-token': 'secret' };
    const response = await call({
      target: 'shop',
      verb: 'POST',
      path: '/a b',
      query: 'q=1',
      headers,
      body: pieces('stre', 'am'),
    });
    expect(response.status).toBe(302);
    expect(response.headers).toMatchObject({ location: '/elsewhere' });
    expect(response.headers).not.toHaveProperty('x-hop');
    const seen = JSON.parse(await bodyText(response.body)) as { headers: Record<string, string> };
    expect(seen).toMatchObject({ url: '/base/a%20b?q=1', body: 'stream' });
    expect(seen.headers).toMatchObject({ authorization: 'Bearer own', 'x-own': 'kept' });
    expect(seen.headers).not.toHaveProperty('dapr-api-token');
    expect(seen.headers).not.toHaveProperty('dapr-caller-app-id');
  });

  it('that cannot be reached is an error', async () => {
    const { call } = await block(() => Promise.reject(new Error('no peer')));
    await expect(call({ target: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: expect.stringMatching(/^failed to invoke, id: http:\/\/127\.0\.0\.1:1, err: .*ECONNREFUSED/),
    });
  });
});

describe('access control', () => {
  const caller = { trustDomain: 'public', namespace: 'shop', appId: 'cart' };
  const operations = [{ name: '/open', httpVerb: ['GET'], action: 'allow' as const }];
  const accessControl = new AccessControl(
    { defaultAction: 'deny', trustDomain: 'public', policies: [{ ...caller, operations }] },
    noMetrics,
  );
  const request = { verb: 'GET', path: 'open', query: '', headers: {}, body: undefined };

  async function seenBy(isGrpc: boolean, calls: readonly (typeof request)[]) {
    const seen: string[] = [];
    const app = Object.assign(inProcessApp({}), { isGrpc });
    app.invoke = async ({ path }) => {
      seen.push(path);
      return answer(200);
    };
    const { invocation } = await block(async () => answer(500), {}, { accessControl, app });
    const outcomes = await Promise.allSettled(calls.map((call) => invocation.fromPeer(call, caller, never)));
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as ApiError] : []));
    return { seen, refused, invocation };
  }

  it('refuses with 403 what no rule allows, and the app hears nothing of it', async () => {
    const { seen, refused, invocation } = await seenBy(false, [
      request,
      { ...request, verb: 'POST' },
      { ...request, path: 'closed' },
      { ...request, path: 'open/../closed' },
    ]);
    expect(seen).toEqual(['/open']);
    expect(refused).toHaveLength(3);
    for (const error of refused) expect(error).toMatchObject({ httpStatus: 403, grpcStatus: 'PERMISSION_DENIED' });
    const stranger = invocation.fromPeer(request, undefined, never);
    await expect(stranger).rejects.toThrow(
      'access control policy has denied access to appid:  operation: open verb: GET',
    );
  });

  it('judges the path that the app gets', async () => {
    expect((await seenBy(false, [{ ...request, path: 'closed/../open' }])).seen).toEqual(['/open']);
  });

  it('judges proxied calls by their method alone', async () => {
    const { invocation } = await seenBy(true, []);
    const call = { target: 'checkout', metadata: {}, method: '/shop.Cart/Get' };
    expect(() => invocation.proxyFromPeer(call, caller)).toThrow('operation: /shop.Cart/Get verb: NONE');
    expect(invocation.proxyFromPeer({ ...call, method: '/open' }, caller)).toEqual({ metadata: {} });
  });
});
