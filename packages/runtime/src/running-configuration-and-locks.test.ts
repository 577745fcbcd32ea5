import { type ConfigurationItems, type ConfigurationStore, defineComponent, type LockStore } from '@outrigger/core';
import { afterEach, describe, expect, test } from 'vitest';

import { Folder, LogLines } from '../test/folder.ts';
import { inProcessApp } from './app-channel/in-process.ts';
import { createRuntime } from './create-runtime.ts';
import type { RuntimeOptions } from './runtime.ts';

let folder = new Folder();
afterEach(() => {
  folder[Symbol.dispose]();
  folder = new Folder();
});

/** A configuration store with one item, and locks; what reaches them. */
function backends() {
  const watchers = new Set<(items: ConfigurationItems) => Promise<void>>();
  const locked: string[] = [];
  let reads = 0;
  const configuration: ConfigurationStore = {
    get: async () => {
      if (++reads % 2 === 1) throw new Error('not now');
      return { color: { value: 'blue', version: '1', metadata: {} } };
    },
    subscribe: async (_, onChange) => {
      watchers.add(onChange);
      return { [Symbol.asyncDispose]: async () => void watchers.delete(onChange) };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const locks: LockStore = {
    tryLock: async ({ resourceId }) => locked.push(resourceId) > 0,
    unlock: async () => 'missing',
    [Symbol.asyncDispose]: async () => {},
  };
  const components = [
    defineComponent({
      kind: 'configuration',
      type: 'configuration.test',
      version: 'v1',
      metadata: {},
      create: async () => configuration,
    }),
    defineComponent({ kind: 'lock', type: 'lock.test', version: 'v1', metadata: {}, create: async () => locks }),
  ];
  return { watchers, locked, components };
}

const component = (name: string, type: string, metadata = '[]') =>
  `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${name}\nspec:\n  type: ${type}\n  version: v1\n  metadata: ${metadata}\n---\n`;

const resiliency = `apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: { name: twice }
spec:
  policies: { retries: { again: { policy: constant, duration: 1ms, maxRetries: 1 } } }
  targets: { components: { config: { outbound: { retry: again }, inbound: { retry: again } } } }
`;

function start(yaml: string, options: Partial<RuntimeOptions>) {
  folder.file('resources/all.yaml', yaml);
  return createRuntime({
    appId: 'app',
    namespace: '',
    resourcesPaths: [`${folder.path}/resources`],
    searchFrom: folder.path,
    env: {},
    ...options,
  });
}

describe('configuration', () => {
  test('policies apply both ways, and draining ends what is subscribed', async () => {
    const { watchers, components } = backends();
    const log = new LogLines();
    let told = 0;
    const app = inProcessApp({
      invoke: { 'configuration/config/color': () => ({ status: ++told === 1 ? 503 : 200 }) },
    });
    await using runtime = await start(component('config', 'configuration.test') + resiliency, {
      components,
      app,
      logger: log,
    });
    const store = runtime.configurationStore('config');
    expect(await store.get(['color'])).toEqual({ color: { value: 'blue', version: '1', metadata: {} } });

    await store.subscribeApp([]);
    const own = await store.subscribe([], {}, () => {});
    await Promise.all([...watchers].map((watcher) => watcher({ color: { value: 'red', version: '2', metadata: {} } })));
    expect(told).toBe(2);

    await runtime.drain(AbortSignal.timeout(1000));
    await own.ended;
    expect(watchers.size).toBe(0);
    expect(await store.get([])).toHaveProperty('color');
  });

  test('there are no new subscriptions while the runtime is leaving', async () => {
    const { watchers, components } = backends();
    await using runtime = await start(component('config', 'configuration.test'), { components });
    await runtime.drain(AbortSignal.timeout(1000));
    await expect(runtime.configurationStore('config').subscribe([], {}, () => {})).rejects.toMatchObject({
      errorCode: 'ERR_CONFIGURATION_SUBSCRIBE',
      message: expect.stringContaining('the runtime is stopping'),
    });
    expect(watchers.size).toBe(0);
  });
});

describe('locks', () => {
  test('a lock has the prefix that its component says', async () => {
    const { locked, components } = backends();
    const yaml = component('locks', 'lock.test') + component('shared', 'lock.test', '[{name: keyPrefix, value: none}]');
    await using runtime = await start(yaml, { components });
    for (const name of ['locks', 'shared']) {
      await runtime.lock(name).tryLock({ resourceId: 'r', owner: 'me', expiryInSeconds: 1 });
    }
    expect(locked).toEqual(['lock||app||r', 'lock||r']);
  });

  test('a prefix that cannot be is told with its place', async () => {
    const { components } = backends();
    const yaml = component('locks', 'lock.test', "[{name: keyPrefix, value: 'a||b'}]");
    await expect(start(yaml, { components })).rejects.toThrow(/all\.yaml:\d+: .*keyPrefix 'a\|\|b' can't contain/);
  });
});

test('asking for stores that are not there has Dapr’s errors', async () => {
  await using runtime = await start(component('locks', 'lock.test'), { components: backends().components });
  expect(() => runtime.configurationStore('x')).toThrow('configuration stores not configured');
  expect(() => runtime.lock('x')).toThrow('lock store x not found');
});
