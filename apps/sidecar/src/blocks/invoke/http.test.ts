import { createHash } from 'node:crypto';
import { type IncomingMessage, request as httpRequest, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { echo, echoed, pair } from '../../../test/echo-pair.ts';
import { sendRaw } from '../../../test/served.ts';
import { settled } from '../../../test/settled.ts';
import { Directory, startHalf } from '../../../test/sidecar-half.ts';

/** So many pieces of 1 MiB, made as they are asked for, and how many have been. */
function countedPieces(pieces: number) {
  const piece = Buffer.alloc(1024 * 1024);
  let count = 0;
  const stream = Readable.from(
    (function* () {
      for (; count < pieces; count++) yield piece;
    })(),
    { objectMode: false },
  );
  return { stream, count: () => count };
}

describe.each([
  ['the own app', 'checkout'],
  ['another app, through its sidecar', 'inventory'],
])('invoking %s', (_, target) => {
  it('passes verb, path, query, headers and body on, and status, headers and body back', async () => {
    const { caller } = await pair();
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/orders/7?a=1&b=%20`, {
      method: 'PATCH',
      headers: { 'content-type': 'text/plain', 'x-status': '418', 'x-own': 'kept' },
      body: 'some body',
    });
    expect(response.status).toBe(418);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-app')).toBe('one, two');
    const seen = await echoed(response);
    expect(seen).toMatchObject({ method: 'PATCH', url: '/orders/7?a=1&b=%20', body: 'some body' });
    expect(seen.headers).toMatchObject({ 'content-type': 'text/plain', 'x-own': 'kept', 'content-length': '9' });
  });

  it('says who calls whom, whatever the client claims, and keeps what is for the sidecar', async () => {
    const { caller } = await pair();
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/x`, {
      headers: {
        'dapr-caller-app-id': 'admin',
        'dapr-caller-namespace': 'kube-system',
        'dapr-callee-app-id': 'other',
        'dapr-api-token': 'secret',
        'proxy-authorization': 'Basic x',
      },
    });
    const { headers } = await echoed(response);
    expect(headers).toMatchObject({
      'dapr-caller-app-id': 'checkout',
      'dapr-caller-namespace': 'default',
      'dapr-callee-app-id': target,
    });
    expect(headers).not.toHaveProperty('dapr-api-token');
    expect(headers).not.toHaveProperty('proxy-authorization');
    expect(headers['x-forwarded-for']).toBe(target === 'inventory' ? '10.1.2.3' : undefined);
  });

  it('drops the headers that Connection names', async () => {
    const { caller } = await pair();
    const answer = await sendRaw(
      caller.port,
      `GET /v1.0/invoke/${target}/method/x HTTP/1.1\r\nhost: x\r\nconnection: close, x-private\r\nx-private: 1\r\nx-public: 2\r\n\r\n`,
    );
    expect(answer).toContain('"x-public":"2"');
    expect(answer).not.toContain('x-private');
  });

  it('streams a body of unknown length', async () => {
    const { caller } = await pair();
    const body = new ReadableStream({
      start(controller) {
        for (const piece of ['one ', 'two ', 'three']) controller.enqueue(Buffer.from(piece));
        controller.close();
      },
    });
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/x`, {
      method: 'POST',
      body,
      duplex: 'half',
    });
    const seen = await echoed(response);
    expect(seen.body).toBe('one two three');
    expect(seen.headers['transfer-encoding']).toBe('chunked');
  });

  it('answers HEAD, 204 and 304 without a body', async () => {
    const { caller } = await pair();
    const url = `${caller.url}/v1.0/invoke/${target}/method/x`;
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const status of ['204', '304']) {
      const response = await fetch(url, { headers: { 'x-status': status } });
      expect([response.status, await response.text()]).toEqual([Number(status), '']);
    }
  });

  it.each([
    ['/a%2Fb', '/a/b'],
    ['/a//b', '/a/b'],
    ['/a/../b', '/b'],
    ['/%2e%2e/b', '/b'],
    ['/a%20b', '/a%20b'],
    ['/a/', '/a'],
    ['/', '/'],
  ])('asks for %s as %s', async (path, expected) => {
    const { caller } = await pair();
    const answer = await sendRaw(
      caller.port,
      `GET /v1.0/invoke/${target}/method${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toContain(`"url":"${expected}"`);
  });

  it.each([
    ['/a%00b', 'forbidden character'],
    ['/%25b', 'invalid URL escape'],
    ['/a%0Ab', 'control character'],
  ])('refuses %s', async (path, reason) => {
    const { caller } = await pair();
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method${path}`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: expect.stringContaining(reason),
    });
  });

  it('cancels the app when the client goes away', async () => {
    const gone = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const hang: RequestListener = (request) => {
      request.socket.once('close', () => gone.resolve());
      arrived.resolve();
    };
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler: hang });
    const caller = await startHalf({ appId: 'checkout', directory, handler: hang });
    const abort = new AbortController();
    const response = fetch(`${caller.url}/v1.0/invoke/${target}/method/x`, { signal: abort.signal });
    await arrived.promise;
    abort.abort();
    await expect(response).rejects.toThrow('abort');
    await gone.promise;
  });

  it('never makes a whole body of one that breaks off', async () => {
    const seen = Promise.withResolvers<boolean>();
    const arrived = Promise.withResolvers<void>();
    const handler: RequestListener = (request) => {
      request.on('error', () => {}).once('close', () => seen.resolve(request.complete));
      request.once('data', () => arrived.resolve()).resume();
    };
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler });
    const caller = await startHalf({ appId: 'checkout', directory, handler });
    const socket = connect(caller.port, '127.0.0.1');
    const piece = 'x'.repeat(20_000);
    socket.write(`POST /v1.0/invoke/${target}/method/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
    socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    await arrived.promise;
    socket.destroy();
    expect(await seen.promise).toBe(false);
  });

  it('hands over an event stream piece by piece, and ends it when the client leaves', async () => {
    const gone = Promise.withResolvers<void>();
    let push: ((event: string) => void) | undefined;
    const events: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      response.once('close', () => gone.resolve());
      push = (event) => response.write(`data: ${event}\n\n`);
    };
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler: events });
    const caller = await startHalf({ appId: 'checkout', directory, handler: events });
    const abort = new AbortController();
    // Headers come before the first event.
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/x`, { signal: abort.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const event of ['one', 'two']) {
      push?.(event);
      expect((await reader?.read())?.value).toBe(`data: ${event}\n\n`);
    }
    abort.abort();
    await gone.promise;
  });

  it('breaks its answer off when the app breaks off', async () => {
    const broken: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('half', () => response.destroy());
    };
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler: broken });
    const caller = await startHalf({ appId: 'checkout', directory, handler: broken });
    await expect(
      fetch(`${caller.url}/v1.0/invoke/${target}/method/x`).then((response) => response.text()),
    ).rejects.toThrow('terminated');
  });

  it('lets a client wait that sends faster than the app reads', async () => {
    const release = Promise.withResolvers<void>();
    const slow: RequestListener = (request, response) => {
      void release.promise.then(() => request.resume().on('end', () => response.end()));
    };
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler: slow });
    const caller = await startHalf({ appId: 'checkout', directory, handler: slow, maxBodySize: 512 * 1024 * 1024 });
    const call = httpRequest(`${caller.url}/v1.0/invoke/${target}/method/x`, { method: 'POST' });
    const answered = new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
    const source = countedPieces(128);
    pipeline(source.stream, call, () => {});
    await settled(source.count);
    expect(source.count()).toBeLessThan(64);
    release.resolve();
    expect((await answered).resume().statusCode).toBe(200);
    expect(source.count()).toBe(128);
  }, 60_000);

  it('lets an app wait that answers faster than the client reads', async () => {
    const source = countedPieces(128);
    const fast: RequestListener = (_, response) => pipeline(source.stream, response, () => {});
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler: fast });
    const caller = await startHalf({ appId: 'checkout', directory, handler: fast });
    const answer = await new Promise<IncomingMessage>((resolve) => {
      httpRequest(`${caller.url}/v1.0/invoke/${target}/method/x`, resolve).end();
    });
    await settled(source.count);
    // What the sockets of the system hold is a part of it.
    expect(source.count()).toBeLessThan(64);
    answer.destroy();
    await expect.poll(() => source.stream.destroyed).toBe(true);
  }, 60_000);

  it('carries 64 MiB up and down at the same time', async () => {
    const mirror: RequestListener = (request, response) => void request.pipe(response);
    const directory = new Directory();
    await startHalf({ appId: 'inventory', directory, handler: mirror });
    const caller = await startHalf({ appId: 'checkout', directory, handler: mirror, maxBodySize: 128 * 1024 * 1024 });
    const call = httpRequest(`${caller.url}/v1.0/invoke/${target}/method/x`, { method: 'POST' });
    const answered = new Promise<IncomingMessage>((resolve) => {
      call.once('response', resolve);
    });
    const sent = createHash('sha1');
    const pieces = function* () {
      for (let index = 0; index < 1024; index++) {
        const piece = Buffer.alloc(64 * 1024, index);
        sent.update(piece);
        yield piece;
      }
    };
    pipeline(Readable.from(pieces(), { objectMode: false }), call, () => {});
    const received = createHash('sha1');
    for await (const chunk of await answered) received.update(chunk as Buffer);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  }, 60_000);
});

it('a body over the limit is refused, with a length or without', async () => {
  const caller = await startHalf({ appId: 'checkout', handler: echo, maxBodySize: 1024 * 100 });
  const large = Buffer.alloc(200 * 1024);
  for (const body of [large, new Blob([large]).stream()]) {
    const response = await fetch(`${caller.url}/v1.0/invoke/checkout/method/x`, {
      method: 'POST',
      body,
      duplex: 'half',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errorCode: 'ERR_BODY_READ' });
  }
});

it('a large answer with a length arrives with it', async () => {
  const large = Buffer.alloc(300 * 1024, 1);
  const { caller } = await pair((_, response) =>
    response.writeHead(200, { 'content-length': large.length }).end(large),
  );
  const response = await fetch(`${caller.url}/v1.0/invoke/inventory/method/x`);
  expect(response.headers.get('content-length')).toBe(String(large.length));
  expect((await buffer(response.body as never)).equals(large)).toBe(true);
});
