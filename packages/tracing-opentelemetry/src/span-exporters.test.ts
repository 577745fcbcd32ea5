import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

import { type MethodDefinition, Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { type Logger, silentLogger } from '@outrigger/core';
import { expect, onTestFinished, test } from 'vitest';

import { openTelemetryTracer } from './open-telemetry-tracer.ts';
import type { OtlpSettings, TracingSettings } from './tracing-settings.ts';

const all: TracingSettings = { serviceName: 'orders', samplingRate: 1, stdout: false };
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const caller = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: '' };

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function recorder(): { readonly logger: Logger; readonly warnings: string[]; readonly lines: string[] } {
  const [warnings, lines]: [string[], string[]] = [[], []];
  const logger = {
    ...silentLogger,
    warn: (message: string) => void warnings.push(message),
    info: (message: string) => void lines.push(message),
  };
  return { logger, warnings, lines };
}

test('a collector gets spans over gRPC, with the headers it asks for', async () => {
  const received: { readonly body: Buffer; readonly key: string }[] = [];
  const bytes = (value: Buffer): Buffer => value;
  const method: MethodDefinition<Buffer, Buffer> = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  const server = new GrpcServer();
  server.addService(
    { export: method },
    {
      export: (
        call: { request: Buffer; metadata: { get(name: string): unknown[] } },
        answer: (error: null, response: Buffer) => void,
      ) => {
        received.push({ body: call.request, key: String(call.metadata.get('x-key')[0]) });
        answer(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  const otlp: OtlpSettings = { protocol: 'grpc', url: `http://127.0.0.1:${port}`, headers: { 'x-key': 'abc' } };
  const tracer = await openTelemetryTracer({ ...all, otlp }, { logger: silentLogger });
  tracer.start('pubsub/orders', 'consumer', caller).end();
  await tracer[Symbol.asyncDispose]();
  expect(received).toHaveLength(1);
  expect(received[0]?.key).toBe('abc');
  expect(received[0]?.body.includes(Buffer.from(traceId, 'hex'))).toBe(true);
  expect(received[0]?.body.toString()).toContain('pubsub/orders');
});

test('Zipkin gets spans with their kind, parent, service and attributes', async () => {
  const bodies: string[] = [];
  const server = createHttpServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.writeHead(202).end();
    });
  });
  const port = await listening(server);
  const zipkin = `http://127.0.0.1:${port}/api/v2/spans`;
  const tracer = await openTelemetryTracer({ ...all, zipkin }, { logger: silentLogger });
  const span = tracer.start('CallLocal/shop/orders', 'server', caller, { 'rpc.service': 'ServiceInvocation' });
  span.fail('HTTP 503');
  span.end();
  await tracer[Symbol.asyncDispose]();
  expect(JSON.parse(bodies.join(''))).toMatchObject([
    {
      traceId,
      parentId: '00f067aa0ba902b7',
      id: span.traceparent.slice(36, 52),
      name: 'CallLocal/shop/orders',
      kind: 'SERVER',
      localEndpoint: { serviceName: 'orders' },
      tags: { 'rpc.service': 'ServiceInvocation', error: 'HTTP 503' },
    },
  ]);
});

test('spans go to the log as lines', async () => {
  const { logger, lines } = recorder();
  await using tracer = await openTelemetryTracer({ ...all, stdout: true }, { logger });
  tracer.start('pubsub/orders', 'consumer', caller, { 'messaging.system': 'pubsub' }).end();
  await tracer[Symbol.asyncDispose]();
  expect(lines.join('\n')).toMatch(new RegExp(`span pubsub/orders trace=${traceId} .*"messaging.system":"pubsub"`));
});

test('a collector that is away costs one warning, until it has been there again', async () => {
  const { logger, warnings } = recorder();
  const closed = createServer();
  const port = await listening(closed);
  await new Promise((resolve) => closed.close(resolve));
  const otlp: OtlpSettings = { protocol: 'http', url: `http://127.0.0.1:${port}/v1/traces`, headers: {}, timeout: 200 };
  const tracer = await openTelemetryTracer({ ...all, otlp }, { logger });
  for (let batch = 0; batch < 3; batch++) {
    for (let index = 0; index < 600; index++) tracer.start('a', 'client', caller).end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await tracer.close(20_000);
  expect(warnings).toEqual([
    expect.stringMatching(/^traces cannot be sent to 127\.0\.0\.1:\d+, and are dropped until they can: /),
  ]);
});

test('while a collector is slow, no more spans are kept for it than fit the queue', async () => {
  let received = 0;
  const { promise: patience, resolve: goOn } = Promise.withResolvers<void>();
  const server = createHttpServer((request, response) => {
    void text(request).then(async (body) => {
      received += (JSON.parse(body) as unknown[]).length;
      await patience;
      response.writeHead(202).end();
    });
  });
  const port = await listening(server);
  const tracer = await openTelemetryTracer(
    { ...all, zipkin: `http://127.0.0.1:${port}/api/v2/spans` },
    { logger: silentLogger },
  );
  for (let batch = 0; batch < 20; batch++) {
    for (let index = 0; index < 500; index++) tracer.start('a', 'client', caller).end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  goOn();
  await tracer.close(20_000);
  expect(received).toBeGreaterThan(500);
  expect(received).toBeLessThanOrEqual(2048 + 512); // and a batch under way
});

test('a collector that takes connections and never answers is not waited for beyond the limit', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket));
  const port = await listening(silent);
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  const otlp: OtlpSettings = { protocol: 'http', url: `http://127.0.0.1:${port}/v1/traces`, headers: {} };
  const tracer = await openTelemetryTracer({ ...all, otlp }, { logger: silentLogger });
  tracer.start('a', 'client', caller).end();
  const began = performance.now();
  await tracer.close(100);
  expect(performance.now() - began).toBeLessThan(8000); // the export itself has 10 s
});
