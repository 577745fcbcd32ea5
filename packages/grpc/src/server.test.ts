import { once } from 'node:events';
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';

import { type ClientDuplexStream, compressionAlgorithms, type Metadata, status } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import { ApiError } from '@outrigger/runtime';
import { expect, it, onTestFinished, vi } from 'vitest';

import { bytesMethod, serviceOf, testService } from '../test/bytes-service.ts';
import { metadataOf, serveGrpc } from '../test/called.ts';
import type { GrpcServerOptions } from './server.ts';
import { type CallContext, GrpcError, type ServiceMethod, stream, unary } from './service.ts';

const ask = bytesMethod('Ask');
const talk = bytesMethod('Talk', 'both');

function serve(method: ServiceMethod, options: Partial<GrpcServerOptions> = {}) {
  return serveGrpc({ services: [serviceOf(method)], ...options });
}

/** A conversation with the method `Talk`. */
async function startTalk(handle: Parameters<typeof stream<Buffer, Buffer>>[1], options?: Partial<GrpcServerOptions>) {
  const { client } = await serve(stream(talk, handle), options);
  const identity = (message: Buffer) => message;
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    `/${testService}/Talk`,
    identity,
    identity,
  );
  const ended = new Promise<{ code: number; details: string; metadata: Metadata }>((resolve) =>
    call.once('status', resolve),
  );
  call.on('error', () => {});
  return { call, ended };
}

it('ends a handler whose message cannot be sent', async () => {
  const ended = Promise.withResolvers<void>();
  const { call, ended: status } = await startTalk(async function* () {
    try {
      yield undefined as never;
    } finally {
      ended.resolve();
    }
  });
  call.end();
  await ended.promise;
  expect((await status).code).not.toBe(0);
});

it('answers a message of any size, whole', async () => {
  const { call } = await serve(unary(ask, (request: Buffer) => Buffer.concat([request, request])));
  for (const size of [0, 1, 100, 16_379, 16_384, 70_000, 2_000_000]) {
    const request = Buffer.alloc(size, 'abc');
    expect((await call(testService, ask, request)).equals(Buffer.concat([request, request]))).toBe(true);
  }
});

it('tells the status, message and details of an error, and what the handler adds', async () => {
  const { call } = await serve(
    unary(ask, (_request, context) => {
      context.sendHeaders({ 'x-first': ['1', '2'] });
      context.addTrailers({ 'x-last': 'bye', 'x-bin': Buffer.from('later').toString('base64') });
      throw new GrpcError('ABORTED', 'nö: 100 % \n sure', Buffer.from('more'));
    }),
  );
  const error: unknown = await call(testService, ask, Buffer.alloc(0)).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: status.ABORTED, details: 'nö: 100 % \n sure' });
  const { metadata } = error as { metadata: Metadata };
  expect(metadata.get('grpc-status-details-bin').map(String)).toEqual(['more']);
  expect(metadata.get('x-last')).toEqual(['bye']);
  expect(metadata.get('x-bin').map(String)).toEqual(['later']);
});

it('tells the details of an error of the runtime, and nothing of one that is no answer', async () => {
  const errors = [
    new ApiError('no such store', {
      errorCode: 'ERR',
      httpStatus: 400,
      grpcStatus: 'INVALID_ARGUMENT',
      grpcDetails: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R', domain: 'dapr.io', metadata: null },
      ],
    }),
    new Error('the password is 1234'),
  ];
  const { call } = await serve(
    unary(ask, () => {
      throw errors.shift() ?? new Error();
    }),
  );
  const first: unknown = await call(testService, ask, Buffer.alloc(0)).catch((caught: unknown) => caught);
  expect(first).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'no such store' });
  const { metadata } = first as { metadata: Metadata };
  expect(String(metadata.get('grpc-status-details-bin')[0])).toContain('dapr.io');
  await expect(call(testService, ask, Buffer.alloc(0))).rejects.toMatchObject({
    code: status.INTERNAL,
    details: 'internal error',
  });
});

it('hands over metadata as it came, and sends what the handler wants', async () => {
  let seen: CallContext['headers'] | undefined;
  const { client } = await serve(
    unary(ask, (request: Buffer, context) => {
      seen = context.headers;
      expect(context.metadata('x-text')).toBe('one');
      context.sendHeaders({ 'x-head': 'yes', 'grpc-status': '13', 'bad name': 'x', 'x-split': 'a\r\nb: c' });
      context.addTrailers({ 'x-tail': 'yes', from: ['of these', 'HTTP has one'] });
      return request;
    }),
  );
  const metadata = metadataOf({ 'x-text': 'one', 'x-data-bin': Buffer.from([1, 2, 255]) });
  const identity = (message: Buffer) => message;
  const answered = await new Promise<{ head: Metadata; tail: Metadata }>((resolve, reject) => {
    let head: Metadata | undefined;
    client
      .makeUnaryRequest(`/${testService}/Ask`, identity, identity, Buffer.from('x'), metadata, (error) => {
        if (error) reject(error);
      })
      .on('metadata', (got: Metadata) => (head = got))
      .on('status', ({ metadata: tail }: { metadata: Metadata }) => head && resolve({ head, tail }));
  });
  expect(seen).toMatchObject({ 'x-text': 'one', 'x-data-bin': 'AQL/' });
  expect(Object.keys(seen ?? {})).not.toContain('te');
  expect([answered.head.get('x-head'), answered.tail.get('x-tail')]).toEqual([['yes'], ['yes']]);
  expect(answered.head.get('x-split')).toEqual([]);
});

it('passes messages both ways while both sides go on', async () => {
  const { call, ended } = await startTalk(async function* (requests) {
    for await (const request of requests) yield Buffer.concat([Buffer.from('re: '), request]);
  });
  const answers: string[] = [];
  call.on('data', (answer: Buffer) => {
    answers.push(answer.toString());
    if (answers.length < 3) call.write(Buffer.from(`message ${answers.length}`));
    else call.end();
  });
  call.write(Buffer.from('message 0'));
  expect((await ended).code).toBe(status.OK);
  expect(answers).toEqual(['re: message 0', 're: message 1', 're: message 2']);
});

it('lets a caller wait that sends faster than its messages are read', async () => {
  const gate = Promise.withResolvers<void>();
  let read = 0;
  const { call, ended } = await startTalk(async function* (requests) {
    await gate.promise;
    for await (const request of requests) read += request.byteLength;
    yield Buffer.from(String(read));
  });
  let sent = 0;
  const piece = Buffer.alloc(256 * 1024);
  const total = 64;
  const send = () => {
    while (sent < total) {
      sent++;
      if (!call.write(piece)) {
        call.once('drain', send);
        return;
      }
    }
    call.end();
  };
  send();
  let last = -1;
  await vi.waitFor(
    () => {
      const hasGrown = sent !== last;
      last = sent;
      expect(hasGrown).toBe(false);
    },
    { interval: 150, timeout: 5000 },
  );
  expect(sent).toBeLessThan(40);
  gate.resolve();
  call.resume();
  expect((await ended).code).toBe(status.OK);
  expect(read).toBe(total * piece.byteLength);
});

it('does not make answers faster than the caller takes them', async () => {
  let made = 0;
  const { port } = await serve(
    stream(talk, async function* () {
      for (; made < 200; made++) yield Buffer.alloc(256 * 1024);
    }),
  );
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const call = session.request({
    ':method': 'POST',
    ':path': `/${testService}/Talk`,
    'content-type': 'application/grpc',
  });
  call.end();
  await once(call, 'response');
  let last = -1;
  await vi.waitFor(
    () => {
      const hasGrown = made !== last;
      last = made;
      expect(hasGrown).toBe(false);
    },
    { interval: 150, timeout: 5000 },
  );
  expect(made).toBeLessThan(20);
  call.resume();
  const [trailers] = (await once(call, 'trailers')) as [Record<string, string>];
  expect(trailers['grpc-status']).toBe('0');
  expect(made).toBe(200);
});

it('ends a call whose deadline has passed, and tells its handler', async () => {
  const aborted = Promise.withResolvers<unknown>();
  const { call } = await serve(
    unary(ask, (request: Buffer, context) => {
      if (context.deadline === undefined) return request;
      expect(context.deadline).toBeGreaterThan(Date.now());
      context.signal.addEventListener('abort', () => aborted.resolve(context.signal.reason));
      return new Promise<Buffer>(() => {});
    }),
  );
  // The time is for the call, not for the connection.
  await call(testService, ask, Buffer.alloc(0));
  const answer = call(testService, ask, Buffer.alloc(0), {}, { deadline: Date.now() + 200 });
  await expect(answer).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(await aborted.promise).toMatchObject({ name: 'GrpcError' });
});

it('a caller that cancels ends the handler, wherever it waits', async () => {
  const ended: string[] = [];
  const { call } = await startTalk(async function* (requests, { signal }) {
    try {
      yield Buffer.from('go on');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended.push('signal');
      for await (const request of requests) ended.push(String(request));
    } catch (error) {
      ended.push((error as GrpcError).grpcStatus);
      throw error;
    } finally {
      ended.push('finally');
    }
  });
  await new Promise((resolve) => call.once('data', resolve));
  call.cancel();
  await expect.poll(() => ended).toEqual(['signal', 'CANCELLED', 'finally']);
});

it('a handler may leave requests unread and still answer', async () => {
  const { call, ended } = await startTalk(async function* (requests) {
    for await (const request of requests) {
      yield request;
      return;
    }
  });
  call.on('data', () => {});
  for (let count = 0; count < 40; count++) call.write(Buffer.alloc(100_000));
  expect((await ended).code).toBe(status.OK);
});

it('reads messages that were compressed, within the limit', async () => {
  const { client, port } = await serve(
    unary(ask, (request: Buffer) => Buffer.from(String(request.byteLength))),
    { maxMessageSize: 10_000 },
  );
  const { Client, credentials } = await import('@grpc/grpc-js');
  const identity = (message: Buffer) => message;
  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    const compressing = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': algorithm,
    });
    const answer = (size: number) =>
      new Promise((resolve) => {
        compressing.makeUnaryRequest(`/${testService}/Ask`, identity, identity, Buffer.alloc(size), (error, text) =>
          resolve(error ? { code: error.code, details: error.details } : String(text)),
        );
      });
    expect(await answer(10_000)).toBe('10000');
    expect(await answer(1_000_000)).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('larger than max') as string,
    });
    compressing.close();
  }
  client.close();
  expect(gzipSync(Buffer.alloc(1_000_000)).byteLength).toBeLessThan(10_000);
});

it('names the flag for what is too long in the log, once as a warning', async () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const { call } = await serve(
    unary(ask, (request: Buffer) => request),
    { maxMessageSize: 1000, maxMessageSizeSetting: '--max-body-size', logger },
  );
  for (const length of [1001, 1002]) {
    await expect(call(testService, ask, Buffer.alloc(length))).rejects.toMatchObject({
      details: `grpc: received message larger than max (${length} vs. 1000)`,
    });
  }
  expect(warnings).toEqual([
    '/test.Bytes/Ask was refused: grpc: received message larger than max (1001 vs. 1000); --max-body-size sets the limit',
  ]);
  const talking = await startTalk((requests) => requests, { maxMessageSize: 1000, logger });
  talking.call.write(Buffer.alloc(1001));
  expect((await talking.ended).code).toBe(status.RESOURCE_EXHAUSTED);
  expect(warnings).toEqual([expect.anything(), expect.stringMatching(/^\/test\.Bytes\/Talk was refused/)]);
});

it('refuses what is too long, unknown, or cannot be decoded', async () => {
  const { call, client } = await serve(
    unary(ask, (request: Buffer) => request),
    { maxMessageSize: 1000 },
  );
  await expect(call(testService, ask, Buffer.alloc(1001))).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: 'grpc: received message larger than max (1001 vs. 1000)',
  });
  await expect(call(testService, ask, Buffer.from([0xff, 0, 0]))).rejects.toMatchObject({
    code: status.INTERNAL,
    details: 'grpc: error unmarshalling request: these bytes are no message',
  });
  await expect(call('test.Other', ask, Buffer.alloc(0))).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
    details: 'unknown service test.Other',
  });
  await expect(call(testService, bytesMethod('Nothing'), Buffer.alloc(0))).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
    details: 'unknown method Nothing for service test.Bytes',
  });
  const twice = client.makeClientStreamRequest(
    `/${testService}/Ask`,
    (message: Buffer) => message,
    (message) => message,
    (error) => error,
  );
  const ended = new Promise((resolve) => twice.once('status', resolve));
  twice.on('error', () => {});
  twice.write(Buffer.from('1'));
  twice.write(Buffer.from('2'));
  twice.end();
  expect(await ended).toMatchObject({ code: status.UNIMPLEMENTED });
});

it('services that nobody declares go to whoever wants them, as bytes', async () => {
  const { call } = await serveGrpc({
    unknown: async function* (path, requests) {
      for await (const request of requests) yield Buffer.concat([Buffer.from(`${path} `), request]);
    },
  });
  expect(String(await call('any.Service', ask, Buffer.from('raw')))).toBe('/any.Service/Ask raw');
});

it('asks before each call whether it may go on, and tells of each how it ended', async () => {
  const codes: [string, number][] = [];
  const { call } = await serve(
    unary(ask, () => Buffer.alloc(0), { name: 'state', version: 'v1' }),
    {
      admit: (_path, context, api) => {
        expect(api).toEqual({ name: 'state', version: 'v1' });
        if (context.metadata('x-key') !== 'good') throw new GrpcError('PERMISSION_DENIED', 'no');
      },
      log: (path) => (code) => codes.push([path, code]),
    },
  );
  await expect(call(testService, ask, Buffer.alloc(0))).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  await call(testService, ask, Buffer.alloc(0), { 'x-key': 'good' });
  expect(codes).toEqual([
    ['/test.Bytes/Ask', 7],
    ['/test.Bytes/Ask', 0],
  ]);
});

it('logs a failure that is ours, with its stack, and not to the caller', async () => {
  const error = vi.fn();
  const { call } = await serve(
    unary(ask, () => Promise.reject(new TypeError('oops'))),
    { logger: { ...silentLogger, error } },
  );
  await expect(call(testService, ask, Buffer.alloc(0))).rejects.toMatchObject({ details: 'internal error' });
  expect(error).toHaveBeenCalledWith('/test.Bytes/Ask failed: oops', {
    stack: expect.stringContaining('server.test.ts') as string,
  });
});
