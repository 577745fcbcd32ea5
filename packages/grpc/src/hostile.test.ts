import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';

import { status } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';

import { bytesMethod, serviceOf, testService } from '../test/bytes-service.ts';
import { serveGrpc } from '../test/called.ts';
import { callHeaders, endHeaders, endStream, frameTypes, headerBlock, http2Frame, Wire } from '../test/http2-wire.ts';
import type { GrpcServerOptions } from './server.ts';
import { stream, unary } from './service.ts';

const ask = bytesMethod('Ask');
const talk = bytesMethod('Talk', 'both');
const askPath = `/${testService}/Ask`;
const talkPath = `/${testService}/Talk`;

/** A server with both kinds of methods, and how many of its streams are at work. */
async function serve(options: Partial<GrpcServerOptions> = {}) {
  let working = 0;
  const service = serviceOf(
    unary(ask, (request: Buffer) => request),
    stream(talk, async function* (requests) {
      working++;
      try {
        for await (const request of requests) yield request;
      } finally {
        working--;
      }
    }),
  );
  const served = await serveGrpc({ services: [service], maxMessageSize: 100_000, ...options });
  return {
    ...served,
    working: () => working,
    /** The server still answers others. */
    expectAlive: async () =>
      expect(String(await served.call(testService, ask, Buffer.from('still there')))).toBe('still there'),
  };
}

function message(bytes: string | Uint8Array): Buffer {
  const body = Buffer.from(bytes as string);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.byteLength, 1);
  return Buffer.concat([prefix, body]);
}

it.each([
  ['HTTP/1.1', Buffer.from('GET /v1.0/healthz HTTP/1.1\r\nhost: x\r\n\r\n')],
  ['nonsense', Buffer.from('\x00\x01\x02 what is this\r\n\r\n'.repeat(10))],
  ['random bytes', randomBytes(10_000)],
  ['a preface that goes wrong', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')],
  ['a TLS greeting', Buffer.from('16030100f8010000f40303', 'hex')],
])('%s ends its connection and nothing else', async (_name, bytes) => {
  const { port, expectAlive } = await serve();
  const wire = await Wire.connect(port);
  wire.send(bytes);
  wire.socket.end();
  await wire.closed;
  await expectAlive();
});

it.each([
  ['a frame of an unknown type', http2Frame(0xaa, 0xff, 0, randomBytes(100)), false],
  ['data without a call', http2Frame(frameTypes.data, 0, 5, Buffer.from('hello')), true],
  ['headers on stream 0', http2Frame(frameTypes.headers, endHeaders, 0, callHeaders(askPath)), true],
  ['headers on an even stream', http2Frame(frameTypes.headers, endHeaders, 2, callHeaders(askPath)), true],
  ['a header block that is none', http2Frame(frameTypes.headers, endHeaders, 1, randomBytes(100)), true],
  ['a frame beyond the size that was agreed on', http2Frame(frameTypes.data, 0, 1, Buffer.alloc(100_000)), true],
  ['a window of nothing', http2Frame(frameTypes.windowUpdate, 0, 0, Buffer.alloc(4)), true],
  ['settings of a wrong length', http2Frame(frameTypes.settings, 0, 0, Buffer.alloc(5)), true],
])('%s does no harm', async (_name, bytes, endsConnection) => {
  // Node.js 22 says goodbye after such an error, and leaves the connection to whoever looks whether it is alive.
  const { port, expectAlive } = await serve({ keepalive: { pingAfter: 100, pingTimeout: 100 } });
  const wire = await Wire.open(port);
  wire.send(bytes);
  if (endsConnection) await wire.closed;
  await expectAlive();
});

it('header blocks without end are cut off', async () => {
  const { port, expectAlive } = await serve();
  const wire = await Wire.open(port);
  wire.send(http2Frame(frameTypes.headers, 0, 1, callHeaders(askPath)));
  const more = headerBlock([['x', 'y'.repeat(100)]]);
  for (let count = 0; count < 2000 && !wire.socket.closed; count++) {
    wire.send(http2Frame(frameTypes.continuation, 0, 1, more));
  }
  await wire.closed;
  await expectAlive();
});

it('too many headers end the call, not the connection', async () => {
  const { port, expectAlive } = await serve({ maxHeaderSize: 8192 });
  const wire = await Wire.open(port);
  await wire.frame(({ type }) => type === frameTypes.settings);
  wire.send(http2Frame(frameTypes.settings, 1, 0));
  const flood = Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y'.repeat(60)] as const);
  wire.send(http2Frame(frameTypes.headers, endHeaders | endStream, 1, callHeaders(askPath, flood)));
  expect(await wire.frame(({ type, stream }) => type === frameTypes.reset && stream === 1)).toBeDefined();
  await expectAlive();
});

it.each([
  ['no gRPC', { 'content-type': 'application/json' }, 415, status.INVALID_ARGUMENT],
  ['no content type', {}, 415, status.INVALID_ARGUMENT],
  ['GET', { ':method': 'GET', 'content-type': 'application/grpc' }, 405, status.INTERNAL],
  ['an impossible timeout', { 'content-type': 'application/grpc', 'grpc-timeout': 'soon' }, 200, status.INTERNAL],
  ['an unknown encoding', { 'content-type': 'application/grpc', 'grpc-encoding': 'snappy' }, 200, status.UNIMPLEMENTED],
])('%s is answered with what is wrong', async (_name, headers, httpStatus, code) => {
  const { port } = await serve();
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const call = session.request({ ':method': 'POST', ':path': askPath, ...headers }, { endStream: false });
  call.on('error', () => {});
  call.write(message('hello'));
  const [answer] = (await once(call, 'response')) as [Record<string, string | number>];
  expect([answer[':status'], answer['grpc-status']]).toEqual([httpStatus, String(code)]);
  expect(answer['grpc-accept-encoding']).toBe('identity,deflate,gzip');
});

it.each([
  ['a length over the limit', Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), status.RESOURCE_EXHAUSTED],
  ['unknown flags', Buffer.from([7, 0, 0, 0, 0]), status.INTERNAL],
  ['a compressed message that was not announced', Buffer.from([1, 0, 0, 0, 0]), status.INTERNAL],
  ['half a prefix', Buffer.from([0, 0]), status.INTERNAL],
  ['half a message', message('hello').subarray(0, 7), status.INTERNAL],
  ['no message', Buffer.alloc(0), status.UNIMPLEMENTED],
  ['a message too many', Buffer.concat([message('a'), message('b')]), status.UNIMPLEMENTED],
])('%s is answered with what is wrong with it', async (_name, body, code) => {
  const { port, expectAlive } = await serve();
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const call = session.request({ ':method': 'POST', ':path': askPath, 'content-type': 'application/grpc' });
  call.on('error', () => {});
  call.end(body);
  const [answer] = (await once(call, 'response')) as [Record<string, string>];
  expect(answer['grpc-status']).toBe(String(code));
  await expectAlive();
});

it('a message in pieces of one byte is still one', async () => {
  const { port } = await serve();
  const wire = await Wire.open(port);
  wire.send(http2Frame(frameTypes.headers, endHeaders, 1, callHeaders(askPath)));
  const bytes = message('x'.repeat(3000));
  for (const [index, byte] of bytes.entries()) {
    const isLast = index === bytes.byteLength - 1;
    wire.send(http2Frame(frameTypes.data, isLast ? endStream : 0, 1, Buffer.from([byte])));
  }
  const answer = await wire.frame(({ type, payload }) => type === frameTypes.data && payload.byteLength > 0);
  expect(answer?.payload.equals(bytes)).toBe(true);
});

it('an endless stream of empty messages that nobody reads is not kept', async () => {
  const { port } = await serveGrpc({
    services: [
      serviceOf(
        stream(talk, async function* () {
          await new Promise(() => {});
          yield Buffer.alloc(0);
        }),
      ),
    ],
  });
  const wire = await Wire.open(port);
  wire.send(http2Frame(frameTypes.headers, endHeaders, 1, callHeaders(talkPath)));
  // Three thousand of them in a frame. What is taken shows as room for more.
  const empty = http2Frame(frameTypes.data, 0, 1, Buffer.alloc(15_000));
  for (let count = 0; count < 60; count++) wire.send(empty);
  wire.send(http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
  await wire.frame(({ type, flags }) => type === frameTypes.ping && flags === 1);
  const updates = wire.frames.filter(({ type, stream }) => type === frameTypes.windowUpdate && stream === 1);
  const taken = updates.reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);
  expect(taken).toBeLessThan(200_000);
});

it('whoever vanishes in the middle ends the handlers of its calls', async () => {
  const { port, working, expectAlive } = await serve();
  const wire = await Wire.open(port);
  for (let call = 0; call < 50; call++) {
    const id = call * 2 + 1;
    wire.send(
      http2Frame(frameTypes.headers, endHeaders, id, callHeaders(talkPath)),
      http2Frame(frameTypes.data, 0, id, message('hello')),
    );
  }
  await expect.poll(() => working()).toBe(50);
  wire.socket.resetAndDestroy();
  await expect.poll(() => working()).toBe(0);
  await expectAlive();
});

it('calls that are opened and reset without end cost the caller its connection', async () => {
  const { port, working, expectAlive } = await serve({ keepalive: { pingAfter: 500, pingTimeout: 500 } });
  const wire = await Wire.open(port);
  const headers = callHeaders(talkPath);
  const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
  for (let id = 1; id < 120_000 && !wire.socket.closed; id += 2) {
    wire.send(http2Frame(frameTypes.headers, endHeaders, id, headers), http2Frame(frameTypes.reset, 0, id, cancel));
    if (id % 2001 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await wire.closed;
  await expect.poll(() => working()).toBe(0);
  await expectAlive();
}, 30_000);

it('whoever pings all the time is sent away', async () => {
  const { port, expectAlive } = await serve();
  const wire = await Wire.open(port);
  for (let count = 0; count < 10; count++) wire.send(http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
  const goaway = await wire.frame(({ type }) => type === frameTypes.goaway);
  expect(goaway?.payload.readUInt32BE(4)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(goaway?.payload.subarray(8).toString()).toBe('too_many_pings');
  await wire.closed;
  await expectAlive();
});

it('who pings with every message that it is answered, as the Go client does, is kept', async () => {
  const { port } = await serve();
  const wire = await Wire.open(port);
  wire.send(http2Frame(frameTypes.headers, endHeaders, 1, callHeaders(talkPath)));
  for (let count = 0; count < 10; count++) {
    const text = `message ${count}`;
    wire.send(http2Frame(frameTypes.data, 0, 1, message(text)));
    expect(await wire.frame(({ payload }) => payload.includes(text))).toBeDefined();
    const number = Buffer.alloc(8, count);
    wire.send(http2Frame(frameTypes.ping, 0, 0, number));
    expect(await wire.frame(({ type, payload }) => type === frameTypes.ping && payload.equals(number))).toBeDefined();
  }
  expect(wire.frames.some(({ type }) => type === frameTypes.goaway)).toBe(false);
});

it('a connection that does not answer a ping is cut, one that does is kept', async () => {
  const { port, expectAlive } = await serve({ keepalive: { pingAfter: 50, pingTimeout: 50 } });
  const dead = await Wire.open(port);
  const alive = connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => alive.destroy());
  await dead.closed;
  expect(alive.closed).toBe(false);
  await expectAlive();
});

it('a client that does not hang up when the server has does not keep the connection', async () => {
  const { port } = await serve({ keepalive: { maxIdle: 50 } });
  const socket = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {}).resume();
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), http2Frame(frameTypes.settings, 0, 0)]));
  await once(socket, 'end');
  await expect
    .poll(() => {
      socket.write('still here');
      return socket.destroyed;
    })
    .toBe(true);
});

it('a connection without calls is ended in peace', async () => {
  const { port } = await serve({ keepalive: { maxIdle: 50 } });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const [code] = (await once(session, 'goaway')) as [number];
  expect(code).toBe(constants.NGHTTP2_NO_ERROR);
  await once(session, 'close');
});
