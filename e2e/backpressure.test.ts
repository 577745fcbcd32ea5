import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

const mebibyte = 1024 * 1024;
const piece = 'x'.repeat(mebibyte);

/** An app that takes every event and never answers. */
const hanging = createServer((request, response) => {
  if (request.method === 'POST' && request.url !== '/dapr/subscribe') request.resume();
  else response.writeHead(404).end();
});

beforeAll(() => new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  hanging.closeAllConnections();
  hanging.close();
});

/** Resident memory of a process, in bytes. */
function resident({ pid }: Sidecar): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/**
 * How much memory 240 MiB of messages take that nobody handles, when 30 MiB wait already: more than a component holds at a time
 * (16 MiB, of which the engine makes events). So many, since up to 100 MiB of what is no longer used lie about at any time.
 */
async function growth(sidecar: Sidecar): Promise<number> {
  const publish = async (messages: number): Promise<number> => {
    for (let number = 0; number < messages; number++) {
      const { status } = await sidecar.post('/v1.0/publish/broker/orders', { number, piece });
      expect(status).toBe(204);
    }
    await delay(500);
    return resident(sidecar);
  };
  return -(await publish(30)) + (await publish(240));
}

function resources(workspace: Workspace, subscription: string): string {
  workspace.file(
    'all.yaml',
    `kind: Component
apiVersion: dapr.io/v1alpha1
metadata: {name: broker}
spec:
  type: pubsub.sqlite
  version: v1
  metadata:
    - {name: connectionString, value: "${workspace.path}/broker.db"}
    - {name: queueDepth, value: "100000"}
    - {name: concurrency, value: "100000"}
---
${subscription}`,
  );
  return workspace.path;
}

const declared = (more: string) =>
  `kind: Subscription\napiVersion: dapr.io/v2alpha1\nmetadata: {name: s}\nspec: {pubsubname: broker, topic: orders, routes: {default: /orders}${more}}\n`;

describe('the memory of a sidecar', { timeout: 120_000 }, () => {
  it.each([
    ['one by one', ''],
    ['in batches', ', bulkSubscribe: {enabled: true, maxMessagesCount: 1000}'],
  ])('does not grow with what waits for an app that hangs, %s', async (_, more) => {
    using workspace = new Workspace();
    await using sidecar = await Sidecar.start({
      appId: 'shop',
      appPort: (hanging.address() as AddressInfo).port,
      resourcesPath: resources(workspace, declared(more)),
      args: ['--app-max-concurrency', '4', '--dapr-graceful-shutdown-seconds', '1'],
    });
    expect(await growth(sidecar)).toBeLessThan(130 * mebibyte);
  });

  it('does not grow with what waits for a streaming subscriber that reads nothing', async () => {
    using workspace = new Workspace();
    await using sidecar = await Sidecar.start({
      appId: 'shop',
      resourcesPath: resources(workspace, ''),
      args: ['--dapr-graceful-shutdown-seconds', '1'],
    });
    const client = daprClient(sidecar.grpcPort);
    const stream = client.SubscribeTopicEventsAlpha1();
    stream.on('error', () => {});
    stream.write({ initial_request: { pubsub_name: 'broker', topic: 'orders' } });
    await new Promise((resolve) => stream.once('data', resolve));
    stream.pause();
    expect(await growth(sidecar)).toBeLessThan(130 * mebibyte);
    stream.cancel();
    client.close();
  });
});

type DaprClient = grpc.Client & { SubscribeTopicEventsAlpha1(): grpc.ClientDuplexStream<unknown, unknown> };

function daprClient(port: number): DaprClient {
  const folder = new URL('../packages/protocol/proto', import.meta.url).pathname;
  const loaded = grpc.loadPackageDefinition(
    loadSync('dapr/proto/runtime/v1/dapr.proto', { includeDirs: [folder], keepCase: true }),
  );
  const { Dapr } = (
    loaded as unknown as { dapr: { proto: { runtime: { v1: { Dapr: grpc.ServiceClientConstructor } } } } }
  ).dapr.proto.runtime.v1;
  return new Dapr(`127.0.0.1:${port}`, grpc.credentials.createInsecure()) as unknown as DaprClient;
}
