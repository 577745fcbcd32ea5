import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ServerCredentials } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import type { TopicEventBulkRequest, TopicSubscription } from '@outrigger/protocol/runtime';
import pubsub from '@outrigger/pubsub-in-memory';
import { createRuntime, type Runtime, type RuntimeOptions } from '@outrigger/runtime';
import { expect, it, onTestFinished, vi } from 'vitest';

import { Failure, startGrpcApp } from '../../test/grpc-app.ts';
import { selfSignedCertificate, selfSignedKey } from '../../test/self-signed.ts';
import { GrpcAppChannel } from './grpc-app-channel.ts';

const never = new AbortController().signal;

const broker = {
  apiVersion: 'dapr.io/v1alpha1',
  kind: 'Component',
  metadata: { name: 'pubsub' },
  spec: { type: pubsub.type, version: 'v1', metadata: [] },
};

/** Three attempts, but only after what gRPC calls UNAVAILABLE. */
const retriesOfUnavailable = {
  apiVersion: 'dapr.io/v1alpha1',
  kind: 'Resiliency',
  metadata: { name: 'resiliency' },
  spec: {
    policies: {
      retries: {
        few: { policy: 'constant', duration: '1ms', maxRetries: 2, matching: { gRPCStatusCodes: '14' } },
      },
    },
    targets: { apps: { shop: { retry: 'few' } }, components: { pubsub: { inbound: { retry: 'few' } } } },
  },
};

/** The engine over a broker in memory and the app on that port, connected. */
async function runtimeOf(port: number, options: Partial<RuntimeOptions> = {}, more: readonly object[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-grpc-app-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const resources = [broker, ...more].map((resource) => JSON.stringify(resource));
  writeFileSync(join(folder, 'resources.yaml'), resources.join('\n---\n'));
  const channel = new GrpcAppChannel({ port, logger: silentLogger });
  const runtime = await createRuntime({
    appId: 'shop',
    resourcesPaths: [folder],
    components: [pubsub],
    app: channel,
    logger: silentLogger,
    env: {},
    ...options,
  });
  onTestFinished(async () => {
    await runtime[Symbol.asyncDispose]();
    await channel[Symbol.asyncDispose]();
  });
  await runtime.connectApp(never);
  return runtime;
}

function publish(runtime: Runtime, text: string): Promise<void> {
  const event = { pubsubName: 'pubsub', topic: 'orders', data: Buffer.from(text), contentType: 'text/plain' };
  return runtime.pubsub.publish({ ...event, metadata: {} }, never);
}

function subscribed(more: Partial<TopicSubscription> = {}) {
  const subscription = { pubsubName: 'pubsub', topic: 'orders', metadata: {}, deadLetterTopic: '', ...more };
  return () => ({ subscriptions: [subscription] });
}

it('batches reach the app, and what it wants again comes again', async () => {
  const seen: TopicEventBulkRequest[] = [];
  const wanted = new Set(['two']);
  const app = await startGrpcApp({
    listTopicSubscriptions: subscribed({
      bulkSubscribe: { enabled: true, maxMessagesCount: 10, maxAwaitDurationMs: 20 },
      routes: { rules: [], default: '/bulk' },
    }),
    onBulkTopicEvent: (request) => {
      seen.push(request);
      const statusOf = (text: string) => (wanted.delete(text) ? 1 : 0);
      return {
        statuses: request.entries.map(({ entryId, cloudEvent }) => ({
          entryId,
          status: statusOf(cloudEvent?.data.toString() ?? ''),
        })),
      };
    },
  });
  const runtime = await runtimeOf(app.port);
  await Promise.all(['one', 'two', 'three'].map((text) => publish(runtime, text)));
  const texts = () => seen.flatMap(({ entries }) => entries.map(({ cloudEvent }) => cloudEvent?.data.toString()));
  await vi.waitFor(
    () =>
      expect(
        texts()
          .join(' ')
          .match(/one|two|three/g),
      ).toHaveLength(4),
    20_000,
  );
  expect(texts().filter((text) => text === 'two')).toHaveLength(2);
  expect(seen[0]).toMatchObject({ path: '/bulk', topic: 'orders', pubsubName: 'pubsub' });
});

it('an event that finds the app gone comes again when it is back', async () => {
  const arrived = Promise.withResolvers<void>();
  const listTopicSubscriptions = subscribed();
  const app = await startGrpcApp({
    listTopicSubscriptions,
    onTopicEvent: () => {
      arrived.resolve();
      return new Promise<never>(() => {});
    },
  });
  const runtime = await runtimeOf(app.port);
  await publish(runtime, 'order');
  await arrived.promise;
  app.stop();
  const handled = Promise.withResolvers<string>();
  await startGrpcApp(
    {
      listTopicSubscriptions,
      onTopicEvent: ({ data }) => {
        handled.resolve(data.toString());
        return { status: 0 };
      },
    },
    { port: app.port },
  );
  expect(await handled.promise).toBe('order');
});

it('a policy tries again after the gRPC statuses that it names, and only those', async () => {
  const onTopicEvent = vi.fn(() => ({ status: 0 as const }));
  const onInvoke = vi.fn(() => ({ contentType: 'text/plain', data: { typeUrl: '', value: Buffer.from('done') } }));
  const app = await startGrpcApp({ listTopicSubscriptions: subscribed(), onTopicEvent, onInvoke });
  const runtime = await runtimeOf(app.port, {}, [retriesOfUnavailable]);
  const unavailable = () => {
    throw new Failure('UNAVAILABLE', 'later');
  };
  onTopicEvent.mockImplementationOnce(unavailable).mockImplementationOnce(unavailable);
  await publish(runtime, 'order');
  await expect.poll(() => onTopicEvent).toHaveBeenCalledTimes(3);

  const request = { target: 'shop', verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };
  onInvoke.mockImplementationOnce(unavailable).mockImplementationOnce(unavailable);
  expect((await runtime.invocation.invoke(request, never)).grpc?.status).toBe('OK');
  expect(onInvoke).toHaveBeenCalledTimes(3);
  onInvoke.mockClear();
  onInvoke.mockImplementationOnce(() => {
    throw new Failure('INVALID_ARGUMENT', 'never');
  });
  expect(await runtime.invocation.invoke(request, never)).toMatchObject({
    status: 400,
    grpc: { status: 'INVALID_ARGUMENT', message: 'never' },
  });
  expect(onInvoke).toHaveBeenCalledTimes(1);
});

it('an app that is not healthy gets no events, and gets them once it is', async () => {
  let isHealthy = true;
  const probed = vi.fn(() => {
    if (!isHealthy) throw new Failure('UNAVAILABLE', 'not now');
    return {};
  });
  const onTopicEvent = vi.fn(() => ({ status: 0 as const }));
  const app = await startGrpcApp({ listTopicSubscriptions: subscribed(), onTopicEvent, healthCheck: probed });
  const runtime = await runtimeOf(app.port, { appHealth: { intervalMs: 20, timeoutMs: 20, threshold: 2 } });
  isHealthy = false;
  await runtime.appUnhealthy(never);
  const request = { target: 'shop', verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };
  await expect(runtime.invocation.invoke(request, never)).rejects.toThrow('app is not in a healthy state');
  isHealthy = true;
  await expect.poll(() => runtime.subscriptions).toHaveLength(1);
  await vi.waitFor(async () => {
    await publish(runtime, 'order');
    expect(onTopicEvent).toHaveBeenCalled();
  }, 20_000);
});

it('an app may speak TLS, whatever its certificate', async () => {
  const pair = { private_key: Buffer.from(selfSignedKey), cert_chain: Buffer.from(selfSignedCertificate) };
  const credentials = ServerCredentials.createSsl(null, [pair]);
  const app = await startGrpcApp({ healthCheck: () => ({}) }, { credentials });
  const secure = new GrpcAppChannel({ port: app.port, tls: true, logger: silentLogger });
  const plain = new GrpcAppChannel({ port: app.port, logger: silentLogger });
  onTestFinished(async () => {
    await secure[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
  });
  expect(await secure.probe(never)).toBe(true);
  expect(await plain.probe(never)).toBe(false);
});
