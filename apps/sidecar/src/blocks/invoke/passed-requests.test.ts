import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import { policy, retry, timeout } from '@outrigger/core';
import type { AppResponse } from '@outrigger/runtime';
import { describe, expect, it } from 'vitest';

import { sendRaw } from '../../../test/served.ts';
import { Directory, startHalf } from '../../../test/sidecar-half.ts';
import { call, hops, recorder, way } from '../../../test/ways-to-app.ts';

// What an app sees of a call, whatever is between it and the caller.

describe.each(hops)('a request to %s', (hop) => {
  it.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('keeps its verb: %s', async (method) => {
    const { asked, handler } = recorder();
    const to = await way(hop, handler);
    expect((await call(to, { method })).answer.statusCode).toBe(200);
    const body = method === 'TRACE' ? '' : 'with a body';
    if (body !== '')
      expect((await call(to, { method, body, headers: { 'content-length': body.length } })).answer.statusCode).toBe(
        200,
      );
    expect(asked.map((one) => one.method)).toEqual(body === '' ? [method] : [method, method]);
    expect(asked.at(-1)?.body).toBe(body);
  });

  it.each(['?a=1&a=2&a=', '?q=%2F%26%3d%00&empty&%61=%C3%A9', '?a[]=1&b={c}|d', '??a=?/../b', '?a+b=c+d'])(
    'keeps its query: %s',
    async (query) => {
      const { asked, handler } = recorder();
      const to = await way(hop, handler);
      const head = `GET ${to.path}/x${query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
      expect(await sendRaw(to.port, head)).toMatch(/^HTTP\/1.1 200/);
      expect(asked[0]?.url).toBe(`/x${query}`);
    },
  );

  it('keeps headers that came several times, and bytes beyond ASCII', async () => {
    const { handler, valuesOf } = recorder();
    const to = await way(hop, handler);
    await sendRaw(
      to.port,
      Buffer.from(
        `GET ${to.path}/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nX-Own: one\r\nx-own: two, three\r\ncookie: a=1\r\ncookie: b=2\r\naccept:\r\nx-bytes: \xc3\xa9\r\n\r\n`,
        'latin1',
      ),
    );
    expect(valuesOf('x-own')).toEqual(['one', 'two, three']);
    expect(valuesOf('cookie').join('; ')).toBe('a=1; b=2');
    expect(valuesOf('accept')).toEqual(['']);
    expect(valuesOf('x-bytes')).toEqual(['\xc3\xa9']);
  });

  it('loses what concerns the connection to the sidecar, and what is for the sidecar', async () => {
    const { handler, valuesOf } = recorder();
    const to = await way(hop, handler);
    const gone = {
      'keep-alive': 'timeout=5',
      te: 'trailers',
      trailer: 'x-sum',
      upgrade: 'websocket',
      'http2-settings': 'AAMAAABk',
      'proxy-authorization': 'Basic x',
      'proxy-connection': 'keep-alive',
      'proxy-authenticate': 'Basic',
      'x-private': 'named by connection',
      'dapr-api-token': 'secret',
      'destination-app-id': 'x',
    };
    const head = Object.entries({ ...gone, 'x-public': 'kept', 'dapr-own': 'kept' }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    await sendRaw(
      to.port,
      `GET ${to.path}/x HTTP/1.1\r\nhost: x\r\nconnection: close, X-Private , upgrade\r\n${head.join('\r\n')}\r\n\r\n`,
    );
    for (const name of Object.keys(gone)) expect([name, valuesOf(name)]).toEqual([name, []]);
    expect([valuesOf('x-public'), valuesOf('dapr-own')]).toEqual([['kept'], ['kept']]);
    expect(valuesOf('connection').join()).not.toContain('private');
  });

  it('says who calls whom to apps alone, whatever the client says', async () => {
    const { handler, valuesOf } = recorder();
    const to = await way(hop, handler);
    const headers = {
      'dapr-caller-app-id': ['admin', 'checkout'],
      'dapr-caller-namespace': 'kube-system',
      'dapr-callee-app-id': 'other',
      'x-forwarded-for': '192.0.2.1',
    };
    await call(to, { headers });
    const callee = { 'the own app': 'checkout', 'another app': 'inventory' }[hop as string];
    expect(valuesOf('dapr-callee-app-id')).toEqual(callee === undefined ? [] : [callee]);
    expect(valuesOf('dapr-caller-app-id')).toEqual(callee === undefined ? [] : ['checkout']);
    expect(valuesOf('dapr-caller-namespace')).toEqual(callee === undefined ? [] : ['default']);
    const isForwarded = hop === 'another app';
    expect(valuesOf('x-forwarded-for')).toEqual(isForwarded ? ['192.0.2.1', '10.1.2.3'] : ['192.0.2.1']);
    expect(valuesOf('x-forwarded-host')).toHaveLength(isForwarded ? 1 : 0);
    expect(valuesOf('forwarded').join()).toMatch(isForwarded ? /^for=10\.1\.2\.3;by=10\.1\.2\.3;host=./ : /^$/);
  });

  it('keeps a compressed body as it is, with its length', async () => {
    const body = gzipSync('x'.repeat(1000));
    const seen: Buffer[] = [];
    const heads: IncomingMessage['headers'][] = [];
    const to = await way(hop, (request, response) => {
      heads.push(request.headers);
      void buffer(request).then((bytes) => response.end(String(seen.push(bytes))));
    });
    await call(to, { method: 'POST', headers: { 'content-encoding': 'gzip', 'content-type': 'x/y; z="1"' }, body });
    expect(seen[0]?.equals(body)).toBe(true);
    const kept = { 'content-encoding': 'gzip', 'content-length': String(body.length), 'content-type': 'x/y; z="1"' };
    expect(heads[0]).toMatchObject(kept);
  });

  it.each([
    ['of no length', 'content-length: 0\r\n\r\n'],
    ['in no pieces', 'transfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('keeps a body %s empty', async (_, rest) => {
    const { asked, handler } = recorder();
    const to = await way(hop, handler);
    const head = `POST ${to.path}/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n`;
    expect(await sendRaw(to.port, head + rest)).toMatch(/^HTTP\/1.1 200/);
    expect(asked[0]?.body).toBe('');
  });

  it('that waits for 100 Continue is told to go on', async () => {
    const { asked, handler, valuesOf } = recorder();
    const to = await way(hop, handler);
    const socket = connect(to.port, '127.0.0.1');
    socket.write(
      `POST ${to.path}/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n`,
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('body');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200/);
    expect([asked[0]?.body, valuesOf('expect')]).toEqual(['body', []]);
  });

  it.each([
    ['with a length that is short', 'content-length: 1000\r\n\r\nhalf'],
    ['with a length that is long', `content-length: 200000\r\n\r\n${'x'.repeat(100_000)}`],
    ['in pieces', `transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n`],
  ])('that breaks off, %s, never ends well for the app', async (_, rest) => {
    const ends: boolean[] = [];
    const closed = Promise.withResolvers<void>();
    const to = await way(hop, (request) => {
      request.on('error', () => {}).resume();
      request.once('close', () => closed.resolve(void ends.push(request.complete)));
    });
    const socket = connect(to.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`POST ${to.path}/x HTTP/1.1\r\nhost: x\r\n${rest}`, () => setTimeout(() => socket.end(), 50));
    await once(socket.resume(), 'close');
    // A short body is read before the app is called; then it hears nothing of it.
    if (rest.startsWith('content-length: 1000')) expect(ends).toEqual([]);
    else {
      await closed.promise;
      expect(ends).toEqual([false]);
    }
  });
});

it.each(['PROPFIND', 'PURGE', 'M-SEARCH'])('a verb that Dapr does not know goes no further: %s', async (method) => {
  const { asked, handler } = recorder();
  const { answer, body } = await call(await way('another app', handler), { method });
  expect([answer.statusCode, JSON.parse(body.toString())]).toMatchObject([500, { errorCode: 'ERR_DIRECT_INVOKE' }]);
  expect(asked).toEqual([]);
});

it.each(['checkout', 'inventory'])(
  'a timeout of a policy is the end of the call for the app, too: %s',
  async (target) => {
    const closed = Promise.withResolvers<boolean>();
    const handler: RequestListener = (request, response) => {
      response.once('close', () => closed.resolve(response.writableFinished));
      request.resume();
    };
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler });
    const limit = policy<AppResponse>([timeout(200)]);
    const caller = await startHalf({
      appId: 'checkout',
      directory,
      handler,
      policies: {
        generation: 0,
        app: () => () => limit,
        hasApp: () => true,
        serviceRetry: retry(),
      },
    });
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/x`);
    expect([response.status, await response.json()]).toMatchObject([500, { errorCode: 'ERR_DIRECT_INVOKE' }]);
    expect(await closed.promise).toBe(false);
  },
);
