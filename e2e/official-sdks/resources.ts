import { mkdirSync } from 'node:fs';

import { resourcesOf, type Workspace } from '../processes/workspace.ts';

interface Resource {
  readonly kind?: 'Component' | 'Subscription';
  readonly apiVersion?: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
  readonly scopes?: readonly string[];
}

const component = (name: string, type: string, metadata: Record<string, string>): Resource => ({
  metadata: { name },
  spec: { type, version: 'v1', metadata: Object.entries(metadata).map(([field, value]) => ({ name: field, value })) },
});

const subscription = (name: string, spec: { topic: string; route: string; bulk?: boolean }): Resource => ({
  kind: 'Subscription',
  apiVersion: 'dapr.io/v2alpha1',
  metadata: { name },
  spec: {
    pubsubname: 'pubsub',
    topic: spec.topic,
    routes: { default: spec.route },
    ...(spec.bulk === true ? { bulkSubscribe: { enabled: true, maxMessagesCount: 10, maxAwaitDurationMs: 50 } } : {}),
  },
});

/**
 * Writes what these programs need besides a state store, pub/sub and secrets: bindings, declared subscriptions and, with a
 * Redis, configuration and locks. Hands back the folders for `--resources-path`.
 */
export function writeResources(workspace: Workspace, backend: 'memory' | 'redis', run: string): string[] {
  const forApp = (appId: string, resource: Resource): Resource => ({ ...resource, scopes: [`${appId}-${run}`] });
  const resources = [
    component('files', 'bindings.localstorage', { rootPath: `${workspace.path}/files` }),
    forApp('orders', component('ticks', 'bindings.cron', { schedule: '@every 1s', direction: 'input' })),
    forApp('orders', subscription('declared', { topic: `declared-${run}`, route: 'declared' })),
    forApp('orders', subscription('bulk', { topic: `bulk-${run}`, route: 'bulk', bulk: true })),
    forApp('inventory', subscription('web-declared', { topic: `web-declared-${run}`, route: '/declared' })),
    forApp('inventory', subscription('web-bulk', { topic: `web-bulk-${run}`, route: '/bulk', bulk: true })),
  ];
  if (backend === 'redis') {
    // ten servers and the tests share a machine: the default of 3s has been seen to be too short
    const redis = { redisHost: process.env['OUTRIGGER_TEST_REDIS'] ?? '', readTimeout: '30s' };
    resources.push(
      component('redis', 'bindings.redis', { ...redis, direction: 'output' }),
      component('configstore', 'configuration.redis', redis),
      component('lockstore', 'lock.redis', redis),
    );
  }
  const folder = `${workspace.path}/resources`;
  mkdirSync(folder);
  for (const resource of resources) {
    const whole = { apiVersion: 'dapr.io/v1alpha1', kind: 'Component', ...resource };
    workspace.file(`resources/${resource.metadata.name}.yaml`, JSON.stringify(whole));
  }
  return [resourcesOf(backend), folder];
}
