import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';

import { type CallOptions, Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import { HTTPExtension_Verb, type InvokeRequest, type InvokeResponse } from '@outrigger/protocol';
import { BadRequest, ErrorInfo, Status } from '@outrigger/protocol/rpc';
import { DaprDefinition, type InvokeServiceRequest } from '@outrigger/protocol/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { Failure, type GrpcAppHandlers, startGrpcApp } from '../../../test/grpc-app.ts';
import { Directory, type Half, startHalf } from '../../../test/sidecar-half.ts';
import { GrpcAppChannel } from '../../app/grpc-app-channel.ts';
import { invokeMethods } from './grpc.ts';
import { grpcStatusOf, httpStatusOf, statusText } from './http-status.ts';

type OnInvoke = NonNullable<GrpcAppHandlers['onInvoke']>;

interface Heard {
  readonly request: InvokeRequest;
  readonly metadata: Metadata;
}

/** Two sidecars, the app of each the same; what their apps were asked. */
async function pair({ grpc, http }: { http?: RequestListener; grpc?: OnInvoke }) {
  const heard: Heard[] = [];
  const directory = new Directory();
  const half = async (appId: string) => {
    if (grpc === undefined) return startHalf({ appId, directory, ...(http && { handler: http }) });
    const onInvoke: OnInvoke = (request, call) => {
      heard.push({ request, metadata: call.metadata });
      return grpc(request, call);
    };
    const { port } = await startGrpcApp({ onInvoke });
    const channel = new GrpcAppChannel({ port, logger: silentLogger, appToken: 'secret' });
    onTestFinished(() => channel[Symbol.asyncDispose]());
    return startHalf({ appId, directory, app: channel });
  };
  await half('inventory');
  return { caller: await half('checkout'), heard };
}

const hello = (): InvokeResponse => ({ contentType: 'text/plain', data: { typeUrl: '', value: Buffer.from('hello') } });

interface Outcome {
  readonly answer: InvokeResponse | undefined;
  readonly error: ServiceError | null;
  readonly headers: Metadata;
  readonly trailers: StatusObject;
}

/** Calls `InvokeService` of a sidecar's gRPC API. */
async function invoke(
  half: Half,
  request: Partial<InvokeServiceRequest>,
  metadata = new Metadata(),
  options: CallOptions = {},
): Promise<Outcome> {
  const { client } = await serveGrpc({
    services: [{ name: DaprDefinition.fullName, methods: invokeMethods(half.invocation) }],
  });
  const { requestType, responseType } = DaprDefinition.methods.invokeService;
  return new Promise((resolve) => {
    let headers = new Metadata();
    let outcome: Pick<Outcome, 'answer' | 'error'> | undefined;
    client
      .makeUnaryRequest(
        `/${DaprDefinition.fullName}/InvokeService`,
        (message: InvokeServiceRequest) => Buffer.from(requestType.encode(message).finish()),
        (bytes) => responseType.decode(bytes),
        { id: '', ...request },
        metadata,
        options,
        (error: ServiceError | null, answer) => (outcome = { error, answer }),
      )
      .on('metadata', (came: Metadata) => (headers = came))
      .on('status', (trailers) =>
        setImmediate(() => resolve({ answer: undefined, error: null, ...outcome, headers, trailers })),
      );
  });
}

const details = Status.encode({
  code: 5,
  message: 'no such order',
  details: [
    {
      typeUrl: 'type.googleapis.com/google.rpc.BadRequest',
      value: Buffer.from(
        BadRequest.encode({ fieldViolations: [{ field: 'id', description: 'unknown', reason: '' }] }).finish(),
      ),
    },
    { typeUrl: 'type.example/shop.Problem', value: Buffer.from([1]) },
  ],
}).finish();

const noSuchOrder = (): never => {
  throw new Failure('NOT_FOUND', 'no such order', {
    'x-trailer': 'yes',
    'grpc-status-details-bin': Buffer.from(details),
  });
};

describe.each([
  ['the own app', 'checkout'],
  ['another app, through its sidecar', 'inventory'],
])('a HTTP caller of %s, which speaks gRPC', (_, target) => {
  it('reaches its method with verb, query, headers and body', async () => {
    const { caller, heard } = await pair({
      grpc: (__, call) => {
        const metadata = new Metadata();
        metadata.set('x-app', 'one');
        metadata.set('x-app-bin', Buffer.from([0]));
        call.sendMetadata(metadata);
        return hello();
      },
    });
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/orders/a%20b?c=d`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/x-own',
        'x-own': 'kept',
        'x-bytes-bin': 'AP8=',
        'x-broken-bin': '?',
        'grpc-timeout': '1n',
        cookie: 'a=b',
        'dapr-api-token': 'other',
        'dapr-caller-app-id': 'other',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
      body: 'some body',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(response.headers.get('x-app')).toBe('one');
    expect(response.headers.has('x-app-bin')).toBe(false);
    expect(await response.text()).toBe('hello');
    const [{ request, metadata }] = heard as [Heard];
    expect(request).toEqual({
      method: 'orders/a b',
      contentType: 'application/x-own',
      data: { typeUrl: '', value: Buffer.from('some body') },
      httpExtension: { verb: HTTPExtension_Verb.PUT, querystring: 'c=d' },
    });
    expect(metadata.getMap()).toMatchObject({
      'x-own': 'kept',
      'x-bytes-bin': Buffer.from([0, 255]),
      'dapr-cookie': 'a=b',
      'dapr-content-type': 'application/x-own',
      'dapr-caller-app-id': 'checkout',
      'dapr-api-token': 'secret',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'grpc-trace-bin': expect.any(Buffer),
    });
    expect(metadata.get('x-broken-bin')).toEqual([]);
  });

  it('gets its error as a HTTP status and JSON', async () => {
    const { caller } = await pair({ grpc: noSuchOrder });
    const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/x`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      code: 5,
      message: 'no such order',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'id', description: 'unknown' }],
        },
        { '@type': 'type.example/shop.Problem', value: 'AQ==' },
      ],
    });
  });

  it('can send a body in pieces, and get a long one', async () => {
    const { caller } = await pair({ grpc: ({ data }) => ({ contentType: '', data }) });
    const piece = Buffer.alloc(100_000, 'x');
    const body = new ReadableStream({
      start(controller) {
        for (let count = 0; count < 10; count++) controller.enqueue(piece);
        controller.close();
      },
    });
    const url = `${caller.url}/v1.0/invoke/${target}/method/x`;
    const response = await fetch(url, { method: 'POST', body, duplex: 'half' });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.alloc(1_000_000, 'x'));
  });
});

describe.each([
  ['the own app', 'checkout'],
  ['another app, through its sidecar', 'inventory'],
])('a gRPC caller of %s, which speaks gRPC', (_, id) => {
  it('reaches it with its metadata and type, and gets those of the answer', async () => {
    const { caller, heard } = await pair({
      grpc: (__, call) => {
        const metadata = new Metadata();
        metadata.set('x-header-bin', Buffer.from([1, 255]));
        call.sendMetadata(metadata);
        return { contentType: 'x/y', data: { typeUrl: 'type.example/shop.Order', value: Buffer.from('answer') } };
      },
    });
    const metadata = new Metadata();
    metadata.set('x-own', 'kept');
    metadata.set('cookie', 'a=b');
    metadata.set('x-own-bin', Buffer.from([0, 255]));
    metadata.set('dapr-api-token', 'other');
    const data = { typeUrl: 'type.example/shop.Request', value: Buffer.from('question') };
    const message = { method: 'orders/a b', contentType: 'a/b', data };
    const { answer, headers } = await invoke(caller, { id, message }, metadata);
    expect(answer).toEqual({
      contentType: 'x/y',
      data: { typeUrl: 'type.example/shop.Order', value: Buffer.from('answer') },
    });
    expect(headers.get('x-header-bin')).toEqual([Buffer.from([1, 255])]);
    expect(heard[0]?.request).toEqual({ ...message, httpExtension: undefined });
    expect(heard[0]?.metadata.getMap()).toMatchObject({
      'x-own': 'kept',
      cookie: 'a=b',
      'x-own-bin': Buffer.from([0, 255]),
      'dapr-api-token': 'secret',
      'dapr-caller-app-id': 'checkout',
    });
    const seen = Object.keys(heard[0]?.metadata.getMap() ?? {});
    expect(seen.filter((name) => name.includes('content-'))).toEqual([]);
  });

  it('gets its status, message, details and trailers as they are', async () => {
    const { caller } = await pair({ grpc: noSuchOrder });
    const { error, trailers } = await invoke(caller, { id, message: { method: 'x', contentType: '' } });
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'no such order' });
    expect(trailers.metadata.get('x-trailer')).toEqual(['yes']);
    expect(trailers.metadata.get('grpc-status-details-bin')).toEqual([Buffer.from(details)]);
  });
});

describe.each([
  ['the own app', 'checkout'],
  ['another app, through its sidecar', 'inventory'],
])('a gRPC caller of %s, which speaks HTTP', (_, id) => {
  const echo: RequestListener = (request, response) => {
    void text(request).then((body) => {
      const { method, url, headers } = request;
      const written = { 'x-app': 'one', 'x-latin': 'Ä', 'x-utf8': Buffer.from('Ä').toString('latin1') };
      response.writeHead(Number(headers['x-status'] ?? 201), { 'content-type': 'application/json', ...written });
      response.end(JSON.stringify({ method, url, headers, body }));
    });
  };
  const httpExtension = { verb: HTTPExtension_Verb.PATCH, querystring: 'a=1' };
  const data = { typeUrl: '', value: Buffer.from('question') };

  it('makes a request, and gets the answer with its status beside it', async () => {
    const { caller } = await pair({ http: echo });
    const metadata = new Metadata();
    metadata.set('x-own', 'kept');
    metadata.set('x-own-bin', Buffer.from([0]));
    metadata.set('grpc-trace-bin', Buffer.from('00000af7651916cd43dd8448eb211c80319c01b7ad6b71692033310201', 'hex'));
    const message = { method: 'orders/a b', contentType: 'text/plain', data, httpExtension };
    const { answer, headers } = await invoke(caller, { id, message }, metadata);
    expect(answer?.contentType).toBe('application/json');
    const seen = JSON.parse(answer?.data?.value.toString() ?? '') as { headers: Record<string, string> };
    expect(seen).toMatchObject({ method: 'PATCH', url: '/orders/a%20b?a=1', body: 'question' });
    expect(seen.headers).toMatchObject({
      'x-own': 'kept',
      'content-type': 'text/plain',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'user-agent': expect.stringMatching(/^grpc-node-js/),
    });
    expect(seen.headers).not.toHaveProperty('x-own-bin');
    expect(headers.getMap()).toMatchObject({
      'dapr-http-status': '201',
      'dapr-content-type': 'application/json',
      'x-app': 'one',
      'x-latin': '%C3%84',
      'x-utf8': '%C3%84',
    });
  });

  it('gets its error as a status, with a piece of the body', async () => {
    const { caller } = await pair({
      http: (__, response) => {
        response.writeHead(404).end('x'.repeat(100));
      },
    });
    const message = { method: 'x', contentType: '', httpExtension };
    const { error, headers, trailers } = await invoke(caller, { id, message });
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'Not Found' });
    expect(headers.get('dapr-http-status')).toEqual(['404']);
    const sent = Status.decode(trailers.metadata.get('grpc-status-details-bin')[0] as Buffer);
    expect(sent.details[0]?.typeUrl).toBe('type.googleapis.com/google.rpc.ErrorInfo');
    expect(ErrorInfo.decode(sent.details[0]?.value ?? Buffer.alloc(0))).toEqual({
      reason: 'Not Found',
      domain: 'dapr.io',
      metadata: { 'http.code': '404', 'http.error_message': 'x'.repeat(63) },
    });
  });

  it.each([
    ['names no verb', undefined, 'missing HTTP extension field'],
    ['names NONE', { verb: HTTPExtension_Verb.NONE, querystring: '' }, 'invalid HTTP verb'],
    ['names CONNECT', { verb: HTTPExtension_Verb.CONNECT, querystring: '' }, 'invalid HTTP verb'],
  ])('is refused when it %s', async (__, extension, reason) => {
    const { caller } = await pair({ http: echo });
    const { error } = await invoke(caller, { id, message: { method: 'x', contentType: '', httpExtension: extension } });
    expect(error).toMatchObject({
      code: status.INTERNAL,
      details: expect.stringMatching(
        new RegExp(`^failed to invoke, id: ${id}, err: rpc error: code = InvalidArgument desc = .*${reason}$`),
      ),
    });
  });
});

it.each(['checkout', 'inventory'])('an answer of %s that no message can hold is not read on', async (id) => {
  const isLetGo = Promise.withResolvers<void>();
  const { caller } = await pair({
    http: (_, response) => {
      response.once('close', isLetGo.resolve);
      const piece = Buffer.alloc(1024 * 1024);
      const write = (): void => {
        while (response.write(piece));
        response.once('drain', write);
      };
      write();
    },
  });
  const httpExtension = { verb: HTTPExtension_Verb.GET, querystring: '' };
  const { error } = await invoke(caller, { id, message: { method: 'x', contentType: '', httpExtension } });
  expect(error).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringContaining('larger than max (4194304 bytes, --max-body-size)'),
  });
  await isLetGo.promise;
});

it('a message of a type is protobuf to a HTTP app, and no content type does not hurt', async () => {
  const { caller } = await pair({
    http: (request, response) => {
      response.end(request.headers['content-type'] ?? 'none');
    },
  });
  const httpExtension = { verb: HTTPExtension_Verb.POST, querystring: '' };
  const ask = async (typeUrl: string) => {
    const message = { method: 'x', contentType: '', data: { typeUrl, value: Buffer.from('x') }, httpExtension };
    return (await invoke(caller, { id: 'inventory', message })).answer?.data?.value.toString();
  };
  expect(await ask('type.example/shop.Order')).toBe('application/x-protobuf');
  expect(await ask('')).toBe('none');
});

it('an app that nobody knows is INTERNAL, as is an own app that is not there', async () => {
  const directory = new Directory();
  const half = await startHalf({ appId: 'checkout', directory });
  const message = { method: 'x', contentType: '', httpExtension: { verb: HTTPExtension_Verb.GET, querystring: '' } };
  expect((await invoke(half, { id: 'nobody', message })).error).toMatchObject({
    code: status.INTERNAL,
    details: expect.stringContaining('failed to invoke, id: nobody, err: '),
  });
  expect((await invoke(half, { id: 'checkout', message })).error).toMatchObject({
    code: status.INTERNAL,
    details: expect.stringContaining('app channel not initialized'),
  });
});

it('an app that is not reached is no answer of the app', async () => {
  const app = await startGrpcApp({ onInvoke: hello });
  app.stop();
  const channel = new GrpcAppChannel({ port: app.port, logger: silentLogger });
  onTestFinished(() => channel[Symbol.asyncDispose]());
  const half = await startHalf({ appId: 'checkout', app: channel });
  const response = await fetch(`${half.url}/v1.0/invoke/checkout/method/x`);
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ errorCode: 'ERR_DIRECT_INVOKE' });
  expect((await invoke(half, { id: 'checkout', message: { method: 'x', contentType: '' } })).error?.code).toBe(
    status.INTERNAL,
  );
});

it.each(['checkout', 'inventory'])('a deadline ends the call for the app as well: %s', async (target) => {
  const closed = Promise.withResolvers<boolean>();
  const { caller } = await pair({
    http: (_, response) => void response.once('close', () => closed.resolve(response.writableFinished)),
  });
  const message = {
    method: 'x',
    data: undefined,
    contentType: '',
    httpExtension: { verb: HTTPExtension_Verb.GET, querystring: '' },
  };
  const { error } = await invoke(caller, { id: target, message }, new Metadata(), { deadline: Date.now() + 300 });
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  expect(await closed.promise).toBe(false);
});

it('statuses are translated as Dapr does', () => {
  expect([200, 204, 302, 400, 401, 403, 404, 408, 409, 418, 429, 500, 501, 503, 504].map(grpcStatusOf)).toEqual([
    'OK',
    'OK',
    'UNKNOWN',
    'INTERNAL',
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'NOT_FOUND',
    'CANCELLED',
    'ALREADY_EXISTS',
    'UNKNOWN',
    'RESOURCE_EXHAUSTED',
    'UNKNOWN',
    'UNIMPLEMENTED',
    'UNAVAILABLE',
    'DEADLINE_EXCEEDED',
  ]);
  expect(httpStatusOf.CANCELLED).toBe(408);
  expect([404, 413, 418, 599].map(statusText)).toEqual(['Not Found', 'Request Entity Too Large', "I'm a teapot", '']);
});
