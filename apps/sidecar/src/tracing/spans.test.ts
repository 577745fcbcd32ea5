import { createServer } from 'node:http';

import { type CallContext, GrpcError, type Service, type ServiceMethod, unary } from '@outrigger/grpc';
import type { InternalInvokeRequest } from '@outrigger/protocol';
import { DaprDefinition } from '@outrigger/protocol/runtime';
import type { AppRequest, AppResponse, SpanAttributes, Tracer } from '@outrigger/runtime';
import { expect, onTestFinished, test } from 'vitest';

import { serviceInvocation } from '../blocks/invoke/service-invocation.ts';
import { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';
import { traceServices } from './grpc-spans.ts';
import { traceRequest } from './http-span.ts';
import { tracePeers, withMetadataTrace } from './peer-spans.ts';

interface Recorded {
  readonly name: string;
  readonly parent: string;
  readonly attributes: Record<string, SpanAttributes[string]>;
  failure?: string;
}

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const callers = `00-${trace}-00f067aa0ba902b7-01`;
const own = `00-${trace}-1111111111111111-01`;

function recorder(): { readonly tracer: Tracer; readonly spans: Recorded[] } {
  const spans: Recorded[] = [];
  const start: Tracer['start'] = (name, _kind, { traceparent: parent, tracestate }, given = {}) => {
    const span: Recorded = { name, parent, attributes: { ...given } };
    return {
      traceparent: own,
      tracestate,
      sampled: true,
      set: (key, value) => void (span.attributes[key] = value),
      fail: (message) => void (span.failure = message),
      end: () => void spans.push(span),
    };
  };
  return { tracer: { start }, spans };
}

function callWith(headers: Readonly<Record<string, string>>): CallContext {
  return {
    metadata: (name) => headers[name],
    headers,
    signal: new AbortController().signal,
    deadline: undefined,
    peer: undefined,
    sendHeaders: () => {},
    addTrailers: () => {},
  };
}

function handlerOf([service]: readonly Service[]): Extract<ServiceMethod, { kind: 'unary' }>['handle'] {
  const method = service?.methods[0];
  return method?.kind === 'unary' ? method.handle : expect.fail('there is no such method');
}

test('a span of the HTTP API has no token, and no header that is not marked for it', async () => {
  const { tracer, spans } = recorder();
  const route: Route = {
    methods: ['GET'],
    pattern: '/v1.0/secrets/{store}/{name}',
    api: { name: 'secrets', version: 'v1' },
    handle: () => {},
  };
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    traceRequest(tracer, new Exchange(request, response, ['vault', 'db'], '/v1.0/secrets/vault/db', '', 100), route);
    seen.push(request.headersDistinct['traceparent']?.join(), request.headersDistinct['tracestate']?.join());
    response.end('{"password":"hunter2"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const headers = { 'Dapr-Tenant': 'acme', 'dapr-api-token': 'hunter1', authorization: 'Bearer hunter3' };
  await fetch(`http://127.0.0.1:${port}/`, { headers: { ...headers, tracestate: 'of=nothing' } });
  await expect.poll(() => spans).toHaveLength(1);
  expect(spans[0]).toEqual({
    name: '/v1.0/secrets/vault/db',
    parent: '',
    attributes: {
      'dapr-tenant': 'acme',
      'dapr.api': 'GET /v1.0/secrets/vault/db',
      'dapr.protocol': 'http',
      'dapr.status_code': '200',
      'db.connection_string': 'secrets',
      'db.name': 'vault',
      'db.statement': 'GET /v1.0/secrets/vault/db',
      'db.system': 'secrets',
    },
  });
  expect(JSON.stringify(spans)).not.toContain('hunter');
});

test('a span of the gRPC API has what the caller is told of a failure; what the handler sees belongs to the span', async () => {
  const { tracer, spans } = recorder();
  const seen: unknown[] = [];
  const publish = (_: unknown, context: CallContext): never => {
    seen.push(context.metadata('traceparent'), context.metadata('tracestate'), context.headers['traceparent']);
    throw new GrpcError('UNAVAILABLE', 'the broker is away');
  };
  const method = unary(DaprDefinition.methods.publishEvent, publish, { name: 'publish', version: 'v1' });
  const handle = handlerOf(traceServices([{ name: DaprDefinition.fullName, methods: [method] }], tracer));
  const context = callWith({
    traceparent: callers,
    tracestate: 'a=b',
    'dapr-api-token': 'hunter1',
    'dapr-tenant': 'acme',
    'dapr-key-bin': 'AA',
  });
  await expect(handle({ pubsubName: 'p', topic: 'orders' }, context)).rejects.toThrow('the broker is away');
  expect(seen).toEqual([own, 'a=b', own]);
  expect(spans).toEqual([
    {
      name: '/dapr.proto.runtime.v1.Dapr/PublishEvent',
      parent: callers,
      failure: 'the broker is away',
      attributes: {
        'dapr-tenant': 'acme',
        'dapr.api': '/dapr.proto.runtime.v1.Dapr/PublishEvent',
        'dapr.protocol': 'grpc',
        'messaging.destination': 'orders',
        'messaging.destination_kind': 'topic',
        'messaging.system': 'pubsub',
        'rpc.service': 'Dapr',
      },
    },
  ]);
});

test('without a tracer the handlers are those that were there', () => {
  const services: Service[] = [{ name: 'a', methods: [] }];
  expect(traceServices(services, undefined)).toBe(services);
  const invocation = { fromPeer: () => Promise.reject(new Error('never')) };
  expect(tracePeers(invocation, 'shop', undefined)).toBe(invocation);
});

test('a call of a Dapr sidecar, which names the trace in the metadata alone, is continued; an app’s failure is the span’s', async () => {
  const { tracer, spans } = recorder();
  const asked: AppRequest[] = [];
  const fromPeer = async (request: AppRequest): Promise<AppResponse> => {
    asked.push(request);
    return { status: 503, headers: {}, body: undefined };
  };
  const service = serviceInvocation(tracePeers({ fromPeer }, 'shop', tracer));
  const handle = handlerOf([withMetadataTrace(service, tracer)]);
  const request: InternalInvokeRequest = {
    ver: 1,
    metadata: { Traceparent: { values: [`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`] }, accept: { values: ['*/*'] } },
    message: { method: 'orders', contentType: '', httpExtension: { verb: 1, querystring: '' } },
  };
  const binary = Buffer.from(`0000${trace}0100f067aa0ba902b70201`, 'hex').toString('base64');
  await handle(request, callWith({ 'grpc-trace-bin': binary }));
  expect(asked[0]?.headers).toEqual({ traceparent: own, accept: '*/*' });
  expect(spans).toMatchObject([{ name: 'CallLocal/shop/orders', parent: callers, failure: 'HTTP 503' }]);
});
