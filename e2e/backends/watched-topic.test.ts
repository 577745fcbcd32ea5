import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { requireBackend } from '@outrigger/conformance';
import { createRuntime, inProcessApp } from '@outrigger/runtime';
import { expect, it, onTestFinished } from 'vitest';

import { type Backend, resourcesOf, Workspace } from '../processes/workspace.ts';

const never = new AbortController().signal;
const sent = Array.from({ length: 30 }, (_, id) => id);

/** What the dashboard does for its live view of a topic, on a broker that shares messages among those of one consumer id. */
function watching(backend: Backend): void {
  it(`who watches a topic on ${backend} takes no message from the app, nor from who watches beside`, async () => {
    const workspace = new Workspace();
    onTestFinished(() => workspace[Symbol.dispose]());
    const topic = `watched-${randomUUID().slice(0, 8)}`;
    const got: { readonly [who in 'app' | 'watcher']: unknown[] } = { app: [], watcher: [] };
    await using runtime = await createRuntime({
      appId: `watched-${randomUUID().slice(0, 8)}`,
      resourcesPaths: [resourcesOf(backend)],
      searchFrom: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, ...workspace.env },
      app: inProcessApp({
        subscribe: [{ pubsubName: 'pubsub', topic, handler: ({ data }) => void got.app.push(data) }],
      }),
    });
    await runtime.connectApp();
    const metadata = { consumerID: `outrigger-dashboard-${runtime.appId}`, temporaryConsumer: 'true' };
    const watch = await runtime.subscribe({ pubsubName: 'pubsub', topic, metadata }, async ({ cloudEvent }) => {
      got.watcher.push(cloudEvent['data']);
      return 'SUCCESS';
    });
    await Promise.all(
      sent.map((id) =>
        runtime.pubsub.publish(
          { pubsubName: 'pubsub', topic, data: Buffer.from(JSON.stringify(id)), contentType: 'application/json' },
          never,
        ),
      ),
    );
    const inOrder = (ids: readonly unknown[]) => [...new Set(ids)].toSorted((a, b) => Number(a) - Number(b));
    await expect.poll(() => inOrder(got.app), { timeout: 60_000 }).toEqual(sent);
    await expect.poll(() => inOrder(got.watcher), { timeout: 60_000 }).toEqual(sent);
    await watch[Symbol.asyncDispose]();
  });
}

requireBackend('OUTRIGGER_TEST_REDIS', 'eval "$(e2e/backends/up.sh redis)"', () => watching('redis'));
requireBackend('OUTRIGGER_TEST_RABBITMQ', 'eval "$(e2e/backends/up.sh rabbitmq)"', () => watching('rabbitmq'));
requireBackend('OUTRIGGER_TEST_KAFKA', 'eval "$(e2e/backends/up.sh kafka)"', () => watching('kafka'));
requireBackend('OUTRIGGER_TEST_PULSAR', 'eval "$(e2e/backends/up.sh pulsar)"', () => watching('pulsar'));
