import { text } from 'node:stream/consumers';

import {
  Client,
  credentials,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import {
  InternalInvokeRequest,
  InternalInvokeRequestStream,
  InternalInvokeResponse,
  InternalInvokeResponseStream,
  ServiceInvocationDefinition,
} from '@outrigger/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Directory, startHalf } from '../../../test/sidecar-half.ts';
import { GrpcPeers } from './peers.ts';

const { fullName, methods } = ServiceInvocationDefinition;
const never = new AbortController().signal;
const target = { appId: 'old', namespace: '' };
const get = { verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };

/** A peer that is none of ours: a plain gRPC server with the methods given, closed when the test ends. */
async function startPeer(handlers: {
  CallLocal?: (request: InternalInvokeRequest) => InternalInvokeResponse;
  CallLocalStream?: (requests: InternalInvokeRequestStream[]) => InternalInvokeResponseStream[] | Partial<ServiceError>;
}): Promise<string> {
  const server = new Server();
  if (handlers.CallLocal) {
    const { CallLocal } = handlers;
    const definition = {
      CallLocal: {
        path: `/${fullName}/CallLocal`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (message: InternalInvokeRequest) =>
          Buffer.from(InternalInvokeRequest.encode(message).finish()),
        requestDeserialize: (bytes: Buffer) => InternalInvokeRequest.decode(bytes),
        responseSerialize: (message: InternalInvokeResponse) =>
          Buffer.from(InternalInvokeResponse.encode(message).finish()),
        responseDeserialize: (bytes: Buffer) => InternalInvokeResponse.decode(bytes),
      },
    };
    server.addService(definition, {
      CallLocal: ((call, answered) => answered(null, CallLocal(call.request))) satisfies handleUnaryCall<
        InternalInvokeRequest,
        InternalInvokeResponse
      >,
    });
  }
  if (handlers.CallLocalStream) {
    const { CallLocalStream } = handlers;
    const { definition } = streamDefinition();
    server.addService(definition, {
      CallLocalStream: (call: NodeJS.EventEmitter & { write(m: unknown): void; end(): void }) => {
        const received: InternalInvokeRequestStream[] = [];
        call.on('data', (message: InternalInvokeRequestStream) => received.push(message));
        call.on('end', () => {
          const answer = CallLocalStream(received);
          if (!Array.isArray(answer)) {
            call.emit('error', answer);
            return;
          }
          for (const message of answer) call.write(message);
          call.end();
        });
      },
    });
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

function streamDefinition() {
  const serialize = (message: InternalInvokeRequestStream) =>
    Buffer.from(InternalInvokeRequestStream.encode(message).finish());
  const deserialize = (bytes: Buffer) => InternalInvokeResponseStream.decode(bytes);
  const definition = {
    CallLocalStream: {
      path: `/${fullName}/CallLocalStream`,
      requestStream: true,
      responseStream: true,
      requestSerialize: serialize,
      requestDeserialize: (bytes: Buffer) => InternalInvokeRequestStream.decode(bytes),
      responseSerialize: (message: InternalInvokeResponseStream) =>
        Buffer.from(InternalInvokeResponseStream.encode(message).finish()),
      responseDeserialize: deserialize,
    },
  };
  return { definition, serialize, deserialize };
}

function newPeers(options = {}): GrpcPeers {
  const peers = new GrpcPeers({ connectTimeout: 2000, ...options });
  onTestFinished(() => peers[Symbol.asyncDispose]());
  return peers;
}

async function* pieces(...texts: string[]) {
  for (const piece of texts) yield Buffer.from(piece);
}

async function bodyText(body: unknown): Promise<string> {
  if (body === undefined) return '';
  return body instanceof Uint8Array ? Buffer.from(body).toString() : text(body as AsyncIterable<Buffer>);
}

const ok = (body: string): InternalInvokeResponse => ({
  status: { code: 201, message: '', details: [] },
  headers: { 'X-From': { values: ['go'] } },
  trailers: {},
  message: { contentType: 'text/plain', data: { typeUrl: '', value: Buffer.from(body) } },
});

describe('a peer from before bodies were streamed', () => {
  it('gets the whole body in one message, and its answer is the answer', async () => {
    const seen: InternalInvokeRequest[] = [];
    const address = await startPeer({
      CallLocal: (request) => {
        seen.push(request);
        return ok(`got ${request.message?.data?.value.toString()}`);
      },
    });
    const peers = newPeers();
    const post = { verb: 'POST', path: '/a/b%20c', query: 'd=e', headers: { 'content-type': 'text/plain' } };
    const answer = await peers.call(address, target, { ...post, body: Buffer.from('whole') }, never);
    expect(answer).toMatchObject({ status: 201, headers: { 'x-from': 'go', 'content-type': 'text/plain' } });
    expect(await bodyText(answer.body)).toBe('got whole');
    expect(seen[0]?.message).toMatchObject({
      method: 'a/b c',
      contentType: 'text/plain',
      httpExtension: { verb: 3, querystring: 'd=e' },
    });

    // It is known by now, so that streams are read first.
    const streamed = await peers.call(address, target, { ...post, body: pieces('in ', 'pieces') }, never);
    expect(await bodyText(streamed.body)).toBe('got in pieces');
  });

  it('cannot take the streamed body by which it was found out', async () => {
    const address = await startPeer({ CallLocal: () => ok('') });
    const call = newPeers().call(address, target, { ...get, verb: 'POST', body: pieces('gone') }, never);
    await expect(call).rejects.toThrow('does not take streamed bodies');
  });
});

describe('what a peer answers', () => {
  const head = { ...ok(''), message: { contentType: 'text/plain' } };
  const answering = (...messages: InternalInvokeResponseStream[]) => startPeer({ CallLocalStream: () => messages });

  it('is joined from its pieces', async () => {
    const address = await answering(
      { response: head, payload: { data: Buffer.from('one '), seq: 0n } },
      { payload: { data: Buffer.from('two'), seq: 1n } },
    );
    const answer = await newPeers().call(address, target, get, never);
    expect(answer.status).toBe(201);
    expect(await bodyText(answer.body)).toBe('one two');
  });

  it('breaks off at a gap', async () => {
    const address = await answering(
      { response: head, payload: { data: Buffer.from('one '), seq: 0n } },
      { payload: { data: Buffer.from('three'), seq: 2n } },
    );
    const answer = await newPeers().call(address, target, get, never);
    await expect(bodyText(answer.body)).rejects.toThrow('invalid sequence number received: 2 (expected: 1)');
  });

  it('is a HTTP status also where the app speaks gRPC', async () => {
    const address = await answering({
      response: { ...head, status: { code: 5, message: 'no such order', details: [] } },
    });
    const answer = await newPeers().call(address, target, get, never);
    expect(answer.status).toBe(404);
    expect(JSON.parse(await bodyText(answer.body))).toEqual({ code: 5, message: 'no such order' });
  });

  it.each([
    [status.PERMISSION_DENIED, 403, 'code = PermissionDenied desc = access denied'],
    [status.INTERNAL, 500, 'code = Internal desc = access denied'],
  ])('is told when it is a gRPC status (%i)', async (code, httpStatus, message) => {
    const address = await startPeer({ CallLocalStream: () => ({ code, details: 'access denied' }) });
    const directory = new Directory();
    directory.addresses.set('old', [address]);
    const caller = await startHalf({ appId: 'checkout', directory });
    const response = await fetch(`${caller.url}/v1.0/invoke/old/method/x`);
    expect(response.status).toBe(httpStatus);
    expect(await response.json()).toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: expect.stringContaining(message),
    });
  });
});

it('a stock Dapr is answered: Go header names, small pieces, no length', async () => {
  const half = await startHalf({
    appId: 'inventory',
    handler: (request, response) => {
      void text(request).then((body) => {
        response.setHeader('x-seen', JSON.stringify(request.headers));
        response.end(`${request.method} ${request.url} ${body}`);
      });
    },
  });
  const { serialize, deserialize } = streamDefinition();
  const client = new Client(`127.0.0.1:${half.internal.port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const call = client.makeBidiStreamRequest(`/${fullName}/CallLocalStream`, serialize, deserialize, new Metadata());
  call.write({
    request: {
      ver: 1,
      metadata: {
        'Dapr-Caller-App-Id': { values: ['checkout'] },
        'X-Many': { values: ['a', 'b'] },
        'destination-app-id': { values: ['inventory'] },
      },
      message: { method: 'orders/a b/../7', contentType: 'text/plain', httpExtension: { verb: 3, querystring: 'q=1' } },
    },
    payload: { data: Buffer.from('one '), seq: 0n },
  });
  call.write({ payload: { data: Buffer.from('two'), seq: 1n } });
  call.end();
  const messages: InternalInvokeResponseStream[] = [];
  for await (const message of call) messages.push(message as InternalInvokeResponseStream);
  expect(messages[0]?.response?.status?.code).toBe(200);
  const seen = JSON.parse(messages[0]?.response?.headers['x-seen']?.values[0] ?? '') as Record<string, string>;
  expect(seen).toMatchObject({ 'dapr-caller-app-id': 'checkout', 'x-many': 'a, b', 'content-type': 'text/plain' });
  expect(seen).not.toHaveProperty('destination-app-id');
  const body = Buffer.concat(messages.map((message) => message.payload?.data ?? Buffer.alloc(0)));
  expect(body.toString()).toBe('POST /orders/7?q=1 one two');
  expect(messages.flatMap((message) => message.payload?.seq ?? [])).toEqual([0n]);
});

it.each([
  ['no verb', { method: 'x', contentType: '', httpExtension: { verb: 0, querystring: '' } }, 'invalid HTTP verb'],
  ['no HTTP extension', { method: 'x', contentType: '' }, 'missing HTTP extension field'],
  [
    'a hostile path',
    { method: 'a\0b', contentType: '', httpExtension: { verb: 1, querystring: '' } },
    'forbidden character',
  ],
])('a request with %s is refused as INVALID_ARGUMENT', async (_, message, reason) => {
  const half = await startHalf({ appId: 'inventory', handler: (__, response) => response.end() });
  const client = new Client(`127.0.0.1:${half.internal.port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const error = await new Promise<ServiceError | null>((resolve) => {
    client.makeUnaryRequest(
      `/${fullName}/${methods.callLocal.name}`,
      (one: InternalInvokeRequest) => Buffer.from(InternalInvokeRequest.encode(one).finish()),
      (bytes) => InternalInvokeResponse.decode(bytes),
      { ver: 1, metadata: {}, message } as InternalInvokeRequest,
      resolve,
    );
  });
  expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining(reason) });
});
