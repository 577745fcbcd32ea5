import {
  CommunicationProtocolEnum,
  DaprClient,
  DaprPubSubStatusEnum,
  DaprServer,
  HttpMethod,
  LogLevel,
} from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';
import { Inbox } from './inbox.ts';

const communicationProtocol = CommunicationProtocolEnum.GRPC;
const logger = { level: LogLevel.Error };

const resources = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: pubsub }
spec: { type: pubsub.in-memory, version: v1, metadata: [] }
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: clock }
spec:
  type: bindings.cron
  version: v1
  metadata: [{ name: schedule, value: '@every 100ms' }]
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: unwanted }
spec:
  type: bindings.cron
  version: v1
  metadata: [{ name: schedule, value: '@every 50ms' }]
---
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: { name: declared }
spec: { pubsubname: pubsub, topic: declared, routes: { default: /declared } }
`;

describe('an app of the official JS SDK that speaks gRPC', () => {
  const workspace = new Workspace();
  const stack = new AsyncDisposableStack();
  const inbox = new Inbox();
  const ticks: unknown[] = [];
  let client: DaprClient;
  let sidecar: Sidecar;

  beforeAll(async () => {
    workspace.file('resources.yaml', resources);
    const [appPort = 0, httpPort = 0, grpcPort = 0] = await freePorts(3);
    const clientOptions = { daprHost: '127.0.0.1', daprPort: String(grpcPort), communicationProtocol, logger };
    const server = new DaprServer({
      serverHost: '127.0.0.1',
      serverPort: String(appPort),
      communicationProtocol,
      clientOptions,
      logger,
    });
    await server.pubsub.subscribe('pubsub', 'plain', async (data: unknown) => {
      inbox.add('plain', data);
    });
    let left = 2;
    await server.pubsub.subscribe('pubsub', 'again', async (data: unknown) => {
      inbox.add('again', data);
      return left-- > 0 ? DaprPubSubStatusEnum.RETRY : DaprPubSubStatusEnum.SUCCESS;
    });
    await server.pubsub.subscribeWithOptions('pubsub', 'dropped', {
      callback: async () => DaprPubSubStatusEnum.DROP,
      deadLetterTopic: 'dead',
    });
    await server.pubsub.subscribe('pubsub', 'dead', async (data: unknown) => {
      inbox.add('dead', data);
    });
    const rules = [{ match: 'event.type == "special"', path: '/special' }];
    await server.pubsub.subscribeWithOptions('pubsub', 'routed', { route: { rules, default: '/rest' } });
    for (const route of ['/special', '/rest']) {
      server.pubsub.subscribeToRoute('pubsub', 'routed', route, async (data: unknown) => {
        inbox.add(route, data);
      });
    }
    await server.pubsub.subscribeBulk(
      'pubsub',
      'bulk',
      async (data: unknown) => {
        inbox.add('bulk', data);
      },
      { maxMessagesCount: 10, maxAwaitDurationMs: 50 },
    );
    await server.binding.receive('clock', async (data: unknown) => {
      ticks.push(data);
    });
    await server.invoker.listen('echo', async ({ body, query }) => ({ body: body === undefined ? '' : body, query }), {
      method: HttpMethod.POST,
    });
    const starting = server.start();
    sidecar = stack.use(
      await Sidecar.start({
        appId: 'grpc-app',
        appPort,
        httpPort,
        grpcPort,
        resourcesPath: workspace.path,
        args: ['--app-protocol', 'grpc', '--enable-app-health-check', '--app-health-probe-interval', '1'],
      }),
    );
    await starting;
    stack.defer(() => server.stop());
    client = new DaprClient(clientOptions);
    stack.defer(() => client.stop());
  });
  afterAll(async () => {
    await stack.disposeAsync();
    workspace[Symbol.dispose]();
  });

  it('gets its events by their routes, and again what it wants again', async () => {
    await client.pubsub.publish('pubsub', 'plain', { order: 1 });
    await client.pubsub.publish('pubsub', 'plain', 'a text');
    await client.pubsub.publish('pubsub', 'again', { order: 2 });
    await client.pubsub.publish('pubsub', 'routed', { order: 3 });
    await client.pubsub.publish('pubsub', 'routed', { order: 4 }, { metadata: { 'cloudevent.type': 'special' } });
    await vi.waitFor(() => {
      expect(inbox.of('plain')).toEqual([{ order: 1 }, 'a text']);
      expect(inbox.of('again')).toEqual([{ order: 2 }, { order: 2 }, { order: 2 }]);
      expect(inbox.of('/rest')).toEqual([{ order: 3 }]);
      expect(inbox.of('/special')).toEqual([{ order: 4 }]);
    }, 20_000);
  });

  it('drops an event, which goes to the dead letter topic', async () => {
    await client.pubsub.publish('pubsub', 'dropped', { order: 5 });
    expect(await inbox.wait('dead', 1)).toEqual([{ order: 5 }]);
  });

  it('gets batches, by the older name of the call', async () => {
    await client.pubsub.publishBulk('pubsub', 'bulk', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await inbox.wait('bulk', 3)).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2 }, { n: 3 }]));
  });

  it('hears of the binding that it listens to, and only of that', async () => {
    await vi.waitFor(() => expect(ticks.length).toBeGreaterThan(1), 60_000);
    expect(sidecar.output).toContain('app has not subscribed to binding unwanted');
  });

  it('is invoked over gRPC and over HTTP', async () => {
    const answer: unknown = await client.invoker.invoke('grpc-app', 'echo', HttpMethod.POST, { hello: 'world' });
    expect(answer).toMatchObject({ body: '{"hello":"world"}' });
    const response = await sidecar.post('/v1.0/invoke/grpc-app/method/echo?a=b', { hello: 'again' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ body: '{"hello":"again"}', query: 'a=b' });
  });

  it('is shown as what it is', async () => {
    const metadata = (await (await sidecar.fetch('/v1.0/metadata')).json()) as {
      appConnectionProperties: { protocol: string };
      subscriptions: { topic: string; type: string }[];
    };
    expect(metadata.appConnectionProperties.protocol).toBe('grpc');
    expect(metadata.subscriptions.find(({ topic }) => topic === 'declared')?.type).toBe('DECLARATIVE');
    expect(metadata.subscriptions.filter(({ type }) => type === 'PROGRAMMATIC')).toHaveLength(6);
  });

  it('ends in order', async () => {
    expect(await sidecar.stop()).toEqual({ code: 0, signal: null });
  });
});
