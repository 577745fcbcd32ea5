import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { configFile, resourcesOf, Workspace } from './processes/workspace.ts';
import { type CollectedSpan, Collector } from './tracing/collector.ts';
import { Canoes, Dapr, GrpcApp, HttpApp } from './tracing/traced-apps.ts';

const workspace = new Workspace();
const stack = new AsyncDisposableStack();
const patience = { timeout: 60_000, interval: 50 };
const callerSpan = '00f067aa0ba902b7';
const component = (name: string, type: string, metadata: string): string =>
  `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1, metadata: ${metadata}}\n`;
const newTrace = (): string => crypto.randomUUID().replaceAll('-', '');
const traceparent = (trace: string, spanId = callerSpan, flags = '01'): string => `00-${trace}-${spanId}-${flags}`;

let collector: Collector;
let shop: HttpApp;
let shipping: GrpcApp;
let sidecars: { readonly front: Sidecar; readonly shop: Sidecar; readonly shipping: Sidecar };

async function startSidecar(appId: string, app: readonly string[], env: Record<string, string>): Promise<Sidecar> {
  const sidecar = await Sidecar.start({
    appId,
    resourcesPath: resourcesOf('sqlite'),
    config: configFile,
    args: app,
    env: { ...workspace.env, OTEL_BSP_SCHEDULE_DELAY: '100', ...env },
  });
  return stack.use(sidecar);
}

beforeAll(async () => {
  collector = stack.use(await Collector.start());
  // what the app does for a call belongs to the span that it was called under
  workspace.file('bindings/cron.yaml', component('tick', 'bindings.cron', '[{name: schedule, value: "@every 1s"}]'));
  shop = stack.use(
    await HttpApp.start(async ({ path, headers, body }) => {
      if (path !== '/orders') return {};
      const { traceparent: parent = '', tracestate = '' } = headers;
      await sidecars.shop.post('/v1.0/publish/pubsub/orders', body, {
        traceparent: String(parent),
        tracestate: String(tracestate),
      });
      return { taken: true };
    }),
  );
  const url = `[{name: url, value: "http://127.0.0.1:${shop.port}"}]`;
  workspace.file('bindings/http.yaml', component('outgoing', 'bindings.http', url));
  shipping = stack.use(await GrpcApp.start('pubsub', 'orders'));
  const overHttp = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl };
  const overGrpc = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.grpcUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  const [one, two, three] = await Promise.all([
    startSidecar('front', [], overHttp),
    startSidecar(
      'shop',
      ['--app-port', String(shop.port), '--resources-path', join(workspace.path, 'bindings')],
      overHttp,
    ),
    startSidecar('shipping', ['--app-port', String(shipping.port), '--app-protocol', 'grpc'], overGrpc),
  ]);
  sidecars = { front: one, shop: two, shipping: three };
}, 120_000);

afterAll(async () => {
  await stack.disposeAsync();
  workspace[Symbol.dispose]();
});

/** Resolves once the trace has as many spans, to them by service and name. */
async function spansOf(trace: string, count: number): Promise<Map<string, CollectedSpan>> {
  await vi.waitFor(() => expect(collector.trace(trace)).toHaveLength(count), patience);
  return new Map(collector.trace(trace).map((span) => [`${span.service} ${span.name}`, span]));
}

/** The trace as a list of span and parent, by their names. */
function links(spans: ReadonlyMap<string, CollectedSpan>): Record<string, string> {
  const nameOf = new Map([...spans].map(([name, { spanId }]) => [spanId, name]));
  return Object.fromEntries([...spans].map(([name, { parentId }]) => [name, nameOf.get(parentId) ?? parentId]));
}

test('one trace crosses app, sidecar, sidecar, app, broker and subscriber, each span below the one it was made for', async () => {
  const trace = newTrace();
  const response = await sidecars.front.post('/v1.0/invoke/shop/method/orders', '{"id":1}', {
    traceparent: traceparent(trace),
    tracestate: 'vendor=1',
    baggage: 'user=ann',
    'dapr-note': 'a gift',
    'dapr-api-token': 'never-told',
  });
  expect(await response.json()).toEqual({ taken: true });
  const spans = await spansOf(trace, 4);
  expect(links(spans)).toEqual({
    'front CallLocal/shop/orders': callerSpan,
    'shop CallLocal/shop/orders': 'front CallLocal/shop/orders',
    'shop /v1.0/publish/pubsub/orders': 'shop CallLocal/shop/orders',
    'shipping pubsub/orders': 'shop /v1.0/publish/pubsub/orders',
  });

  const called = spans.get('front CallLocal/shop/orders');
  expect(called).toMatchObject({ kind: 'client', traceState: 'vendor=1', error: undefined });
  expect(called?.attributes).toEqual({
    'dapr.api': 'POST /v1.0/invoke/shop/method/orders',
    'dapr.protocol': 'http',
    'dapr.status_code': '200',
    'dapr-note': 'a gift',
    'net.peer.name': 'shop',
    'rpc.service': 'ServiceInvocation',
  });
  expect(response.headers.get('traceparent')).toBe(traceparent(trace, called?.spanId));
  expect(response.headers.get('tracestate')).toBe('vendor=1');

  const served = spans.get('shop CallLocal/shop/orders');
  expect(served).toMatchObject({ kind: 'server', attributes: { 'dapr.invoke_method': 'orders' } });
  expect(shop.last('/orders')?.headers).toMatchObject({
    traceparent: traceparent(trace, served?.spanId),
    tracestate: 'vendor=1',
    baggage: 'user=ann',
  });

  const published = spans.get('shop /v1.0/publish/pubsub/orders');
  expect(published?.attributes).toMatchObject({ 'messaging.system': 'pubsub', 'messaging.destination': 'orders' });
  const delivered = spans.get('shipping pubsub/orders');
  expect(delivered).toMatchObject({ kind: 'consumer', attributes: { 'messaging.destination': 'orders' } });
  const event = shipping.received.get('event');
  expect(event?.metadata.getMap()).toMatchObject({
    traceparent: traceparent(trace, delivered?.spanId),
    tracestate: 'vendor=1',
  });
  expect(JSON.stringify(event?.request)).toContain(traceparent(trace, published?.spanId));
});

test('a caller that speaks gRPC has its trace continued, and learns under which span its call is', async () => {
  const trace = newTrace();
  const client = new Dapr(`127.0.0.1:${sidecars.front.grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('grpc-trace-bin', Buffer.from(`0000${trace}01${callerSpan}0201`, 'hex'));
  const answered = await new Promise<Metadata>((resolve, reject) => {
    const call = client['getState']?.(
      { storeName: 'statestore', key: 'k' },
      metadata,
      (error: ServiceError | null) => error && reject(error),
    );
    call?.on('metadata', resolve);
  });
  client.close();
  const spans = await spansOf(trace, 1);
  const span = spans.get('front /dapr.proto.runtime.v1.Dapr/GetState');
  expect(span).toMatchObject({ kind: 'client', parentId: callerSpan, error: undefined });
  expect(span?.attributes).toEqual({
    'dapr.api': '/dapr.proto.runtime.v1.Dapr/GetState',
    'dapr.protocol': 'grpc',
    'db.connection_string': 'state',
    'db.name': 'statestore',
    'db.statement': '/dapr.proto.runtime.v1.Dapr/GetState',
    'db.system': 'state',
    'rpc.service': 'Dapr',
  });
  const [binary] = answered.get('grpc-trace-bin');
  expect((binary as Buffer).toString('hex')).toBe(`0000${trace}01${span?.spanId}0201`);
});

test('a caller that speaks gRPC invokes an app over HTTP in its trace', async () => {
  const trace = newTrace();
  const client = new Dapr(`127.0.0.1:${sidecars.front.grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('traceparent', traceparent(trace));
  metadata.set('baggage', 'user=ann');
  const request = { id: 'shop', message: { method: 'quiet', httpExtension: { verb: 'GET' } } };
  await new Promise((resolve, reject) =>
    client['invokeService']?.(request, metadata, (error: ServiceError | null, answer: unknown) =>
      error === null ? resolve(answer) : reject(error),
    ),
  );
  client.close();
  const spans = await spansOf(trace, 2);
  const name = 'CallLocal/shop/quiet';
  expect(links(spans)).toEqual({ [`front ${name}`]: callerSpan, [`shop ${name}`]: `front ${name}` });
  expect(shop.last('/quiet')?.headers).toMatchObject({
    traceparent: traceparent(trace, spans.get(`shop ${name}`)?.spanId),
    baggage: 'user=ann',
  });
});

test('what a binding brings in begins a trace, and what one sends out goes on with its caller’s', async () => {
  await vi.waitFor(() => expect(shop.last('/tick')?.headers['traceparent']).toMatch(/-01$/), patience);
  const [, tick = '', tickSpan] = shop.last('/tick')?.headers['traceparent']?.toString().split('-') ?? [];
  expect((await spansOf(tick, 1)).get('shop bindings/tick')).toMatchObject({
    spanId: tickSpan,
    parentId: '',
    attributes: { 'db.system': 'bindings', 'db.name': 'tick', 'db.connection_string': 'POST /tick' },
  });

  const trace = newTrace();
  const request = { operation: 'get', metadata: { path: '/asked' } };
  const sent = { traceparent: traceparent(trace), tracestate: 'vendor=1' };
  expect((await sidecars.shop.post('/v1.0/bindings/outgoing', request, sent)).status).toBe(200);
  const span = (await spansOf(trace, 1)).get('shop /v1.0/bindings/outgoing');
  expect(span?.attributes).toMatchObject({ 'db.system': 'bindings', 'db.name': 'outgoing' });
  expect(shop.last('/asked')?.headers).toMatchObject({
    traceparent: traceparent(trace, span?.spanId),
    tracestate: 'vendor=1',
  });
});

test('a call of an app’s own service is a span at both sidecars', async () => {
  const trace = newTrace();
  const client = new Canoes(`127.0.0.1:${sidecars.front.grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('dapr-app-id', 'shipping');
  metadata.set('traceparent', traceparent(trace));
  metadata.set('tracestate', 'vendor=1');
  metadata.set('baggage', 'user=ann');
  const canoe = await new Promise((resolve, reject) =>
    client['get']?.({ name: 'Hokulea' }, metadata, (error: ServiceError | null, answer: unknown) =>
      error === null ? resolve(answer) : reject(error),
    ),
  );
  client.close();
  expect(canoe).toMatchObject({ name: 'Hokulea' });
  const spans = await spansOf(trace, 2);
  const name = '/canoes.v1.Canoes/Get';
  expect(links(spans)).toEqual({ [`front ${name}`]: callerSpan, [`shipping ${name}`]: `front ${name}` });
  expect([...spans.values()].map(({ kind }) => kind).toSorted()).toEqual(['client', 'server']);
  const own = traceparent(trace, spans.get(`shipping ${name}`)?.spanId);
  expect(shipping.received.get('canoe')?.metadata.getMap()).toMatchObject({
    traceparent: own,
    tracestate: 'vendor=1',
    baggage: 'user=ann',
  });
});

test('the events of a bulk publish have a span each', async () => {
  const trace = newTrace();
  const path = '/v1.0/publish/bulk/pubsub/orders';
  const entries = ['1', '2'].map((entryId) => ({ entryId, event: { id: entryId }, contentType: 'application/json' }));
  expect((await sidecars.shop.post(path, entries, { traceparent: traceparent(trace) })).status).toBe(204);
  await vi.waitFor(() => expect(collector.trace(trace)).toHaveLength(5), patience);
  const spans = collector.trace(trace);
  const call = spans.find(({ parentId }) => parentId === callerSpan);
  const events = spans.filter(({ kind }) => kind === 'producer');
  const deliveries = spans.filter(({ name }) => name === 'pubsub/orders');
  expect(events.map(({ name, parentId }) => ({ name, parentId }))).toEqual([
    { name: path, parentId: call?.spanId },
    { name: path, parentId: call?.spanId },
  ]);
  expect(deliveries.map(({ parentId }) => parentId).toSorted()).toEqual(events.map(({ spanId }) => spanId).toSorted());
});

test('what failed says so, and a trace whose caller is not recorded is not recorded', async () => {
  const [failed, unrecorded] = [newTrace(), newTrace()];
  await sidecars.front.fetch('/v1.0/state/nostore/k', { headers: { traceparent: traceparent(failed) } });
  const unsampled = traceparent(unrecorded, callerSpan, '00');
  await sidecars.front.fetch('/v1.0/invoke/shop/method/quiet', { headers: { traceparent: unsampled } });
  expect(shop.last('/quiet')?.headers['traceparent']).toMatch(new RegExp(`^00-${unrecorded}-[0-9a-f]{16}-00$`));
  const spans = await spansOf(failed, 1);
  expect(spans.get('front /v1.0/state/nostore/k')).toMatchObject({
    error: 'Code(400): Bad Request',
    attributes: { 'db.name': 'nostore', 'db.system': 'state', 'dapr.status_code': '400' },
  });
  expect(collector.trace(unrecorded)).toEqual([]);
});

test('a sidecar that ends sends what it still has, and waits for nobody who does not take it', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  const zipkin = `http://127.0.0.1:${port}/api/v2/spans`;
  const tracing = `tracing: {samplingRate: "1", zipkin: {endpointAddress: "${zipkin}"}}`;
  const settings = `apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: tracing}\nspec: {${tracing}}\n`;
  const sidecar = await Sidecar.start({
    appId: 'leaving',
    config: workspace.file('tracing.yaml', settings),
    args: ['--dapr-graceful-shutdown-seconds', '3'],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl, OTEL_BSP_SCHEDULE_DELAY: '600000' },
  });
  const trace = newTrace();
  try {
    await sidecar.fetch('/v1.0/metadata', { headers: { traceparent: traceparent(trace) } });
    const began = performance.now();
    expect(await sidecar.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(20_000);
  } finally {
    await sidecar[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    silent.close();
  }
  expect(collector.trace(trace)).toHaveLength(1);
});
