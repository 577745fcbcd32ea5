import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@outrigger/core';
import pubsub from '@outrigger/pubsub-in-memory';
import { createRuntime, type Runtime, type RuntimeOptions } from '@outrigger/runtime';
import state from '@outrigger/state-in-memory';
import { onTestFinished } from 'vitest';

const component = (name: string, type: string, metadata: Readonly<Record<string, string>> = {}) =>
  JSON.stringify({
    apiVersion: 'dapr.io/v1alpha1',
    kind: 'Component',
    metadata: { name },
    spec: { type, version: 'v1', metadata: Object.entries(metadata).map(([key, value]) => ({ name: key, value })) },
  });

/**
 * The engine of app `shop` over components in memory: state stores `orders` and `other`, pub/sub `pubsub`, whose topic `closed`
 * is none of the app's. Gone when the test ends.
 */
export async function memoryRuntime(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-sidecar-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const resources = [
    component('orders', state.type),
    component('other', state.type),
    component('pubsub', pubsub.type, { protectedTopics: 'closed' }),
  ];
  writeFileSync(join(folder, 'components.yaml'), resources.join('\n---\n'));
  const runtime = await createRuntime({
    appId: 'shop',
    resourcesPaths: [folder],
    components: [state, pubsub],
    logger: silentLogger,
    env: {},
    ...options,
  });
  onTestFinished(() => runtime[Symbol.asyncDispose]());
  return runtime;
}
