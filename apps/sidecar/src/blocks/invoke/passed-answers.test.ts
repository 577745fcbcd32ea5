import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import { silentLogger } from '@outrigger/core';
import { HttpAppChannel } from '@outrigger/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';

import { sendRaw } from '../../../test/served.ts';
import { Directory, startHalf } from '../../../test/sidecar-half.ts';
import { call, hops, way } from '../../../test/ways-to-app.ts';

// What a caller sees of an app's answer, whatever is between the two.

describe.each(hops)('an answer of %s', (hop) => {
  it('keeps its headers, also those that came several times, and loses what concerns the connection', async () => {
    const to = await way(hop, (_, response) => {
      response.writeHead(200, [
        ['Set-Cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2'],
        ['x-own', 'one'],
        ['X-Own', 'two'],
        ['x-bytes', '\xc3\xa9'],
        ['connection', 'x-private'],
        ['x-private', 'for the sidecar'],
        ['keep-alive', 'timeout=5'],
        ['proxy-authenticate', 'Basic'],
        ['upgrade', 'h2c'],
        ['date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ]);
      response.end(Buffer.from('{}'));
    });
    const { answer } = await call(to);
    expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2']);
    expect(answer.headersDistinct['x-own']).toEqual(['one', 'two']);
    expect(answer.headers['x-bytes']).toBe('\xc3\xa9');
    for (const name of ['x-private', 'proxy-authenticate', 'upgrade']) expect(answer.headers).not.toHaveProperty(name);
    expect(answer.headersDistinct['date']).toEqual(['Thu, 01 Jan 1970 00:00:00 GMT']);
    expect(answer.headers).not.toHaveProperty('content-type');
  });

  it.each([200, 201, 203, 205, 206, 207, 226, 300, 302, 307, 308, 400, 418, 429, 451, 499, 500, 503, 511, 599])(
    'keeps its status: %i',
    async (status) => {
      const to = await way(hop, (_, response) => {
        response.writeHead(status, 'Reason Of My Own', { location: '/elsewhere' }).end(status === 205 ? '' : 'text');
      });
      const { answer, body } = await call(to);
      expect([answer.statusCode, body.toString()]).toEqual([status, status === 205 ? '' : 'text']);
      expect(answer.headers.location).toBe('/elsewhere');
    },
  );

  it('is the last of several heads', async () => {
    const to = await way(hop, (_, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.end('final');
    });
    const { answer, body } = await call(to);
    expect([answer.statusCode, body.toString()]).toEqual([200, 'final']);
  });

  it.each([204, 304])('has no body with %i', async (status) => {
    const to = await way(hop, (_, response) => response.writeHead(status, { etag: '"1"' }).end());
    const { answer, body } = await call(to);
    expect([answer.statusCode, answer.headers.etag, body.length]).toEqual([status, '"1"', 0]);
    expect(answer.headers).not.toHaveProperty('transfer-encoding');
    if (status === 204) expect(answer.headers).not.toHaveProperty('content-length');
  });

  it.each([10, 1_000_000])('to HEAD tells its length of %i bytes, and nothing more', async (length) => {
    const to = await way(hop, (_, response) => response.writeHead(200, { 'content-length': length }).end());
    const { answer, body } = await call(to, { method: 'HEAD' });
    expect([answer.statusCode, answer.headers['content-length'], body.length]).toEqual([200, String(length), 0]);
  });

  it.each([0, 10, 65_536, 65_537, 300_000])('of %i bytes keeps its length', async (length) => {
    const to = await way(hop, (_, response) => {
      response.writeHead(200, { 'content-length': length }).end(Buffer.alloc(length, 1));
    });
    const { answer, body } = await call(to);
    expect([answer.headers['content-length'], body.length]).toEqual([String(length), length]);
  });

  it('keeps a compressed body as it is', async () => {
    const packed = gzipSync('x'.repeat(1000));
    const to = await way(hop, (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed));
    const { answer, body } = await call(to, { headers: { 'accept-encoding': 'gzip' } });
    expect([answer.headers['content-encoding'], body.equals(packed)]).toEqual(['gzip', true]);
  });

  it('comes before the request has ended, and each piece of both as it is sent', async () => {
    const to = await way(hop, (request, response) => {
      response.flushHeaders();
      request.pipe(response);
    });
    const outgoing = httpRequest({ host: '127.0.0.1', port: to.port, path: `${to.path}/x`, method: 'POST' });
    outgoing.write('one');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    for (const piece of ['one', 'two', 'three']) {
      if (piece !== 'one') outgoing.write(piece);
      expect(String((await once(answer, 'data'))[0])).toBe(piece);
    }
    outgoing.end();
    await once(answer, 'end');
  });

  it('that does not wait for the body arrives, and the body is given up', async () => {
    const to = await way(hop, (_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too much');
    });
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: to.port,
      path: `${to.path}/x`,
      method: 'POST',
      agent: false,
    });
    outgoing.on('error', () => {});
    outgoing.write(Buffer.alloc(100_000));
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect([answer.statusCode, await text(answer)]).toEqual([413, 'too much']);
    outgoing.destroy();
  });

  it.each([
    ['with a length', { 'content-length': 300_000 }],
    ['in pieces', {}],
  ])('that does not wait for the body, %s, leaves the connection to the next call', async (_, headers) => {
    const to = await way(hop, (_request, response) => void response.end('early'));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (let time = 0; time < 2; time++) {
      const options = { host: '127.0.0.1', port: to.port, path: `${to.path}/x`, method: 'POST', headers, agent };
      const outgoing = httpRequest(options);
      outgoing.write(Buffer.alloc(100_000));
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      expect(await text(answer)).toBe('early');
      outgoing.end(Buffer.alloc(200_000));
      await once(outgoing, 'close');
    }
  });

  it.each([
    ['with a length that is short', { 'content-length': 1000 }],
    ['with a length that is long', { 'content-length': 200_000 }],
    ['in pieces', {}],
  ])('that breaks off, %s, never ends well for the caller', async (_, headers) => {
    const to = await way(hop, (_request, response) => {
      response.writeHead(200, headers).write('half', () => setTimeout(() => response.destroy(), 20));
    });
    const outcome = await call(to).then(
      ({ answer }) => answer.statusCode,
      (error: NodeJS.ErrnoException) => error.code,
    );
    // Of a short body nothing has been handed on yet.
    expect(outcome).toBe('content-length' in headers && headers['content-length'] === 1000 ? 500 : 'ECONNRESET');
  });

  it('has its trailers behind a body in pieces, but those that must not be there', async () => {
    const to = await way(hop, (_, response) => {
      response.writeHead(200, { trailer: 'x-sum, x-many' });
      response.write('body');
      response.addTrailers([
        ['x-sum', '\xc3\xa9'],
        ['x-many', 'one'],
        ['x-many', 'two'],
        ['set-cookie', 'a=1'],
      ]);
      response.end();
    });
    const { answer, body } = await call(to);
    expect(body.toString()).toBe('body');
    expect(answer.headers.trailer).toBe('x-sum, x-many');
    expect(answer.headers).not.toHaveProperty('outrigger-trailer');
    expect(answer.trailersDistinct).toEqual({ 'x-sum': ['\xc3\xa9'], 'x-many': ['one', 'two'] });
    const old = await sendRaw(to.port, `GET ${to.path}/x HTTP/1.0\r\nhost: x\r\n\r\n`);
    expect(old).toMatch(/^HTTP\/1.1 200 .*body$/s);
  });

  it('is given up when the caller leaves in the middle of it', async () => {
    const closed = Promise.withResolvers<boolean>();
    const to = await way(hop, (_, response) => {
      response.once('close', () => closed.resolve(response.writableFinished));
      response.write('half');
    });
    const outgoing = httpRequest({ host: '127.0.0.1', port: to.port, path: `${to.path}/x` }).end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    await once(answer, 'data');
    answer.on('error', () => {}).destroy();
    expect(await closed.promise).toBe(false);
  });
});

it('over HTTP/2 pieces pass both ways as they come, and trailers behind them', async () => {
  const to = await way('another app', (request, response) => {
    response.writeHead(200, { trailer: 'x-sum' });
    request.on('data', (piece: Buffer) => response.write(piece));
    request.on('end', () => {
      response.addTrailers({ 'x-sum': '3' });
      response.end();
    });
  });
  const session = connectHttp2(`http://127.0.0.1:${to.port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': `${to.path}/x`, te: 'trailers' });
  stream.write('one');
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  expect([headers[':status'], headers['trailer']]).toEqual([200, 'x-sum']);
  for (const piece of ['one', 'two']) {
    if (piece !== 'one') stream.write(piece);
    expect(String((await once(stream, 'data'))[0])).toBe(piece);
  }
  const trailers = once(stream, 'trailers');
  stream.end();
  expect((await trailers)[0]).toMatchObject({ 'x-sum': '3' });
});

it.each(['checkout', 'inventory'])('given up by its caller leaves its place to the next: %s', async (target) => {
  const left: (() => void)[] = [];
  const server = createServer((_, response) => {
    response.once('close', () => left.shift()?.());
    response.write('half');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const directory = new Directory();
  const halves = [];
  for (const appId of ['checkout', 'inventory']) {
    const app = new HttpAppChannel({ appId, port, maxConcurrency: 1, logger: silentLogger });
    onTestFinished(() => app[Symbol.asyncDispose]());
    halves.push(await startHalf({ appId, directory, app }));
  }
  for (let time = 0; time < 3; time++) {
    const leaving = new AbortController();
    const gone = new Promise<void>((resolve) => left.push(resolve));
    const response = await fetch(`${halves[0]?.url}/v1.0/invoke/${target}/method/x`, { signal: leaving.signal });
    expect(response.status).toBe(200);
    leaving.abort();
    await gone;
  }
});
