import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { silentLogger } from '@outrigger/core';
import { expect, test } from 'vitest';

import { openTelemetryTracer } from './open-telemetry-tracer.ts';
import type { TracingSettings } from './tracing-settings.ts';

const all: TracingSettings = { serviceName: 'orders', samplingRate: 1, stdout: false };
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const tracerTo = (exporter: InMemorySpanExporter) =>
  openTelemetryTracer(all, { logger: silentLogger, processors: [new SimpleSpanProcessor(exporter)] });
const caller = (flags: string) => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}`, tracestate: 'a=b' });

test('a span belongs to the trace of its caller, and its context goes on', async () => {
  const exporter = new InMemorySpanExporter();
  await using tracer = await tracerTo(exporter);
  const span = tracer.start('/v1.0/state/store', 'client', caller('01'), { 'dapr.protocol': 'http' });
  span.end();
  const [recorded] = exporter.getFinishedSpans();
  expect(recorded).toMatchObject({ name: '/v1.0/state/store', attributes: { 'dapr.protocol': 'http' } });
  expect(recorded?.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
  expect(span.traceparent).toBe(`00-${traceId}-${recorded?.spanContext().spanId}-01`);
  expect(span.tracestate).toBe('a=b');
});

test('a caller that is not sampled keeps its trace out, whatever the rate; without a caller the rate decides', async () => {
  const exporter = new InMemorySpanExporter();
  await using tracer = await tracerTo(exporter);
  const unsampled = tracer.start('a', 'client', caller('00'));
  unsampled.end();
  expect(unsampled.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  expect(exporter.getFinishedSpans()).toEqual([]);
  const root = tracer.start('b', 'client', { traceparent: '', tracestate: '' });
  root.end();
  expect(root.traceparent).toMatch(/-01$/);
  expect(exporter.getFinishedSpans()).toHaveLength(1);
});

test('of traces that begin here the rate says how many are recorded', async () => {
  const exporter = new InMemorySpanExporter();
  await using tracer = await openTelemetryTracer(
    { ...all, samplingRate: 0.01 },
    { logger: silentLogger, processors: [new SimpleSpanProcessor(exporter)] },
  );
  const none = { traceparent: '', tracestate: '' };
  let sampled = 0;
  for (let index = 0; index < 20_000; index++) {
    const span = tracer.start('a', 'client', none);
    if (span.sampled) sampled++;
    span.end();
  }
  expect(exporter.getFinishedSpans()).toHaveLength(sampled);
  expect(sampled).toBeGreaterThan(100);
  expect(sampled).toBeLessThan(300);
  // who has been recorded so far goes on being so, and the other way round, whatever the rate
  const called = [caller('01'), caller('00')].map((parent) => tracer.start('b', 'client', parent));
  expect(called.map((span) => span.sampled)).toEqual([true, false]);
});

test.each([
  ['nothing', ''],
  ['what is none', 'hello'],
  ['zeros', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`],
])('a caller that names %s as its trace begins one', async (_, traceparent) => {
  const exporter = new InMemorySpanExporter();
  await using tracer = await tracerTo(exporter);
  tracer.start('a', 'client', { traceparent, tracestate: 'a=b' }).end();
  expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'a', parentSpanContext: undefined }]);
});

test('a long value is cut', async () => {
  const exporter = new InMemorySpanExporter();
  await using tracer = await tracerTo(exporter);
  const span = tracer.start('a', 'client', caller('01'));
  span.set('dapr-note', 'x'.repeat(100_000));
  span.end();
  expect(String(exporter.getFinishedSpans()[0]?.attributes['dapr-note']).length).toBeLessThan(2000);
});

test('no secret is in what a span tells', async () => {
  const exporter = new InMemorySpanExporter();
  await using tracer = await openTelemetryTracer(all, {
    logger: silentLogger,
    hideSecrets: (text) => text.replaceAll('hunter2', '***'),
    processors: [new SimpleSpanProcessor(exporter)],
  });
  const span = tracer.start('a', 'client', caller('01'), { 'db.name': 'hunter2' });
  span.set('dapr-note', 'my hunter2');
  span.fail('wrong password hunter2');
  span.end();
  const [recorded] = exporter.getFinishedSpans();
  expect(recorded?.attributes).toEqual({ 'db.name': '***', 'dapr-note': 'my ***' });
  expect(recorded?.status).toEqual({ code: 2, message: 'wrong password ***' });
});

test('what has been recorded reaches Zipkin and an OTLP collector before the tracer is gone', async () => {
  const received = new Map<string, string>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.set(`${request.url} ${request.headers['content-type']}`, body);
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const otlp = { protocol: 'http', url: `${base}/v1/traces`, headers: {} } as const;
  const tracer = await openTelemetryTracer({ ...all, zipkin: `${base}/api/v2/spans`, otlp }, { logger: silentLogger });
  tracer.start('pubsub/orders', 'consumer', caller('01')).end();
  await tracer[Symbol.asyncDispose]();
  server.close();
  expect(received.get('/api/v2/spans application/json')).toContain(`"traceId":"${traceId}"`);
  expect(received.get('/v1/traces application/x-protobuf')).toContain('pubsub/orders');
});
