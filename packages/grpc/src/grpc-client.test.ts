import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';

import type { HeaderMap } from '@outrigger/runtime';
import { expect, it, onTestFinished } from 'vitest';

import { frame } from './message-frames.ts';
import type { ClientCall } from './client-call.ts';
import { GrpcClient, type GrpcClientOptions } from './grpc-client.ts';

async function listen(server: Server | Http2Server, host = '127.0.0.1'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => void server.close());
  return `${host}:${(server.address() as AddressInfo).port}`;
}

/** A client of a server whose streams are handled as given. */
async function connect(
  onStream: (stream: ServerHttp2Stream, headers: HeaderMap, raw: readonly string[]) => void,
  options: Partial<GrpcClientOptions> = {},
  sockets = new Set<Socket>(),
): Promise<GrpcClient> {
  const server = createHttp2Server();
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    sockets.add(socket);
  });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers, _flags, raw: readonly string[]) => {
    stream.on('error', () => {});
    onStream(stream, headers as HeaderMap, raw);
  });
  const client = new GrpcClient({ address: await listen(server), ...options });
  onTestFinished(() => client.close());
  await client.connected();
  return client;
}

/** Takes calls and never answers; counts the pings. */
function quietServer() {
  let pings = 0;
  const server = createHttp2Server();
  server.on('session', (session) => session.on('ping', () => pings++).on('error', () => {}));
  server.on('stream', (stream) => stream.on('error', () => {}));
  return { server, pinged: () => pings };
}

async function ended(call: ClientCall) {
  const messages: string[] = [];
  for (let message = await call.read(); message !== undefined; message = await call.read()) {
    messages.push(message.toString());
  }
  return { messages, ...call.status };
}

const ok = { ':status': 200, 'content-type': 'application/grpc' };

function reply(stream: ServerHttp2Stream, messages: readonly string[], trailers: Record<string, string>): void {
  stream.respond(ok, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(Buffer.concat(messages.map((message) => frame(Buffer.from(message)))));
}

it('a call comes back with its messages, its metadata and its status', async () => {
  const client = await connect((stream, headers) => {
    stream.respond({ ...ok, 'x-seen': String(headers['x-sent']), 'x-two': ['a', 'b'] }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({
        'grpc-status': '5',
        'grpc-message': 'no%20such%20%C3%B6rder',
        'grpc-status-details-bin': 'AAEC',
        'x-trailer-bin': 'AQ==',
      }),
    );
    stream.end(Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))]));
  });
  const call = client.call('/a.B/C', { 'x-sent': 'yes' });
  call.end();
  expect(await call.headers()).toEqual({ 'x-seen': 'yes', 'x-two': ['a', 'b'] });
  expect(await ended(call)).toEqual({
    messages: ['one', 'two'],
    status: 'NOT_FOUND',
    message: 'no such örder',
    details: Buffer.from([0, 1, 2]),
    trailers: { 'x-trailer-bin': 'AQ==' },
  });
});

it('a status that comes alone is the end, and there was no metadata', async () => {
  const client = await connect((stream) =>
    stream.respond({ ...ok, 'grpc-status': '7', 'x-why': 'z' }, { endStream: true }),
  );
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await call.headers()).toBeUndefined();
  expect(await ended(call)).toMatchObject({ status: 'PERMISSION_DENIED', trailers: { 'x-why': 'z' } });
});

it('the status comes through although the server does not wait for the last request', async () => {
  const client = await connect((stream) => reply(stream, ['early'], { 'grpc-status': '0' }));
  const call = client.call('/a.B/C', {});
  call.send(Buffer.from('first'));
  expect(await ended(call)).toMatchObject({ messages: ['early'], status: 'OK' });
  await expect.poll(() => client.idleSince).not.toBe(Infinity);
});

it('the server learns how long the caller waits, and when it has left', async () => {
  const left = Promise.withResolvers<number>();
  const client = await connect((stream, headers) => {
    stream.on('close', () => left.resolve(stream.rstCode));
    stream.respond({ ...ok, 'x-timeout': String(headers['grpc-timeout']) });
  });
  const call = client.call('/a.B/C', {}, Date.now() + 5000);
  expect(await call.headers()).toEqual({ 'x-timeout': expect.stringMatching(/^(?:5000|49\d\d)m$/) });
  call.cancel();
  expect(await ended(call)).toMatchObject({ status: 'CANCELLED' });
  expect(await left.promise).toBe(8);
});

it.each([
  ['100%25 %F0%9F%9B%B6 of 5%', '100% 🛶 of 5%'],
  ['caf%E9 %zz%41', 'caf\ufffd %zzA'],
  ['%', '%'],
])('of the status message %j is read what can be', async (sent, message) => {
  const client = await connect((stream) => reply(stream, [], { 'grpc-status': '2', 'grpc-message': sent }));
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await ended(call)).toMatchObject({ status: 'UNKNOWN', message });
});

it('metadata may have several values under names of which HTTP allows one', async () => {
  const client = await connect((stream, _headers, raw) => {
    const seen = raw.filter((_, index) => raw[index - 1] === 'from').join('+');
    stream.respond({ ...ok, 'grpc-status': '0', 'x-seen': seen }, { endStream: true });
  });
  const call = client.call('/a.B/C', { from: ['here', 'there'] });
  call.end();
  expect(await ended(call)).toMatchObject({ status: 'OK', trailers: { 'x-seen': 'here+there' } });
});

it.each(['::1', '[::1]'])('an IPv6 address is understood: %s', async (host) => {
  const server = createHttp2Server();
  server.on('stream', (stream, { ':authority': authority }) =>
    stream.respond({ ...ok, 'grpc-status': '0', 'x-authority': authority ?? '' }, { endStream: true }),
  );
  const port = (await listen(server, '::1')).replace('::1:', '');
  const client = new GrpcClient({ address: `${host}:${port}` });
  onTestFinished(() => client.close());
  await client.connected();
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await ended(call)).toMatchObject({ status: 'OK', trailers: { 'x-authority': `[::1]:${port}` } });
});

it('a server that has not begun with a call says so', async () => {
  const client = await connect((stream) => stream.close(7));
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await ended(call)).toMatchObject({ status: 'UNAVAILABLE', isUntouched: true });
});

it.each([
  ['ends', (socket: Socket) => socket.destroy()],
  ['is reset', (socket: Socket) => socket.resetAndDestroy()],
])('a connection that %s ends its calls, and the next call has a new one', async (_, cut) => {
  let calls = 0;
  const sockets = new Set<Socket>();
  const client = await connect(
    (stream) => {
      if (++calls === 1) for (const socket of sockets) cut(socket);
      else reply(stream, ['back'], { 'grpc-status': '0' });
    },
    {},
    sockets,
  );
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await ended(call)).toMatchObject({ status: 'UNAVAILABLE', message: expect.stringContaining('was lost') });
  expect(client.isConnected).toBe(false);
  await client.connected();
  const again = client.call('/a.B/C', {});
  again.end();
  expect(await ended(again)).toMatchObject({ messages: ['back'], status: 'OK' });
});

it('a server that has gone without a word is noticed, one that is only quiet is kept', async () => {
  const { server, pinged } = quietServer();
  const target = new URL(`http://${await listen(server)}`);
  const cables: Socket[] = [];
  const relay = createServer((socket) => {
    const onward = connectSocket(Number(target.port), target.hostname);
    cables.push(
      socket.on('error', () => {}),
      onward.on('error', () => {}),
    );
    socket.pipe(onward).pipe(socket);
  });
  const address = await listen(relay);
  onTestFinished(() => cables.forEach((socket) => socket.destroy()));
  const client = new GrpcClient({ address, heartbeat: { pingAfter: 20, pingTimeout: 500 } });
  onTestFinished(() => client.close());
  await client.connected();
  const call = client.call('/a.B/C', {});
  await expect.poll(pinged).toBeGreaterThan(2);
  expect(call.isOver).toBe(false);
  for (const socket of cables) socket.unpipe().pause();
  expect(await ended(call)).toMatchObject({
    status: 'UNAVAILABLE',
    message: expect.stringContaining('a ping was not answered within 500 ms'),
    isBroken: true,
  });
  expect(client.isConnected).toBe(false);
});

it('a connection whose numbers for calls run out is followed by another, and its last call goes well', async () => {
  const ports = new Set<number | undefined>();
  const client = await connect(
    (stream) => {
      ports.add(stream.session?.socket.remotePort);
      reply(stream, ['fine'], { 'grpc-status': '0' });
    },
    { callsPerConnection: 2 },
  );
  for (let turn = 0; turn < 5; turn++) {
    await client.connected();
    const call = client.call('/a.B/C', {});
    call.end();
    expect(await ended(call)).toMatchObject({ messages: ['fine'], status: 'OK' });
  }
  expect(ports.size).toBe(3);
});

it('a message over the limit ends the call', async () => {
  const client = await connect((stream) => reply(stream, ['too long'], { 'grpc-status': '0' }), { maxMessageSize: 4 });
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await ended(call)).toMatchObject({
    status: 'RESOURCE_EXHAUSTED',
    message: 'grpc: received message larger than max (8 vs. 4)',
  });
});

it('an answer of HTTP that is none of gRPC has a status, too', async () => {
  const client = await connect((stream) => stream.respond({ ':status': 404 }, { endStream: true }));
  const call = client.call('/a.B/C', {});
  call.end();
  expect(await ended(call)).toMatchObject({ status: 'UNIMPLEMENTED' });
});

it.each([
  [{ 'content-type': 'application/json' }, 'with content-type application/json'],
  [{}, 'without a content-type'],
])('an answer of another type than gRPC is told as that: %j', async (headers, what) => {
  const client = await connect((stream) => {
    stream.respond({ ':status': 200, ...headers });
    stream.end('{"hello":"world"}');
  });
  const call = client.call('/a.B/C', {});
  call.end();
  const message = `the server answered ${what}, not in gRPC`;
  expect(await ended(call)).toMatchObject({ messages: [], status: 'UNKNOWN', message });
});

it.each([
  ['long', { message: frame(Buffer.alloc(64 * 1024)), each: 1, pieces: 1000 }],
  ['empty', { message: Buffer.concat(Array<Buffer>(1000).fill(frame(Buffer.alloc(0)))), each: 1000, pieces: 1000 }],
])('a reader that is slow makes the server wait: %s messages', async (_, { message, each, pieces }) => {
  let sent = 0;
  const client = await connect((stream) => {
    stream.respond(ok, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    const send = (): void => {
      while (sent < pieces && !stream.destroyed) {
        sent++;
        if (!stream.write(message)) {
          stream.once('drain', send);
          return;
        }
      }
      stream.end();
    };
    send();
  });
  const call = client.call('/a.B/C', {});
  call.end();
  await call.read();
  let before;
  do {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (sent > before);
  expect(sent).toBeLessThan(pieces / 2);
  let count = 1;
  while (await call.read()) count++;
  expect(count).toBe(pieces * each);
});

it('nobody at the address, somebody who speaks another protocol, and somebody who says nothing are told apart', async () => {
  const nobody = createServer();
  const address = await listen(nobody);
  await new Promise((resolve) => nobody.close(resolve));
  await expect(new GrpcClient({ address }).connected()).rejects.toThrow('ECONNREFUSED');

  const web = await listen(createHttpServer((_, response) => response.end()));
  await expect(new GrpcClient({ address: web }).connected()).rejects.toThrow('it does not speak gRPC');

  const silent = await listen(createServer((socket) => socket.on('error', () => {})));
  const waiting = new GrpcClient({ address: silent, connectTimeout: 50 }).connected();
  await expect(waiting).rejects.toThrow('no answer within 50 ms');
});
