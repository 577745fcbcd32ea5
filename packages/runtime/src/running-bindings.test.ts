import { type Bindings, defineComponent, silentLogger } from '@outrigger/core';
import { expect, onTestFinished, test } from 'vitest';

import { EventSource } from '../test/event-source.ts';
import { Folder } from '../test/folder.ts';
import { inProcessApp } from './app-channel/in-process.ts';
import { createRuntime } from './create-runtime.ts';
import type { RuntimeOptions } from './runtime.ts';

const never = new AbortController().signal;

/** A runtime with the input binding `source`, which is also the output `source`: what is created there is an event. */
async function start(options: Partial<RuntimeOptions>, metadata = '[]') {
  const folder = new Folder();
  onTestFinished(() => folder[Symbol.dispose]());
  const source = new EventSource();
  const instance: Bindings = {
    operations: ['create'],
    read: (handler) => source.read(handler),
    invoke: async ({ data }) => source.emit(Buffer.from(data).toString()),
    [Symbol.asyncDispose]: async () => {},
  };
  folder.file(
    'resources/source.yaml',
    `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: source\nspec:\n  type: bindings.test\n  version: v1\n  metadata: ${metadata}\n`,
  );
  const definition = defineComponent({
    kind: 'bindings',
    type: 'bindings.test',
    version: 'v1',
    metadata: {},
    create: async () => instance,
  });
  const runtime = await createRuntime({
    appId: 'app',
    resourcesPaths: [`${folder.path}/resources`],
    components: [definition],
    searchFrom: folder.path,
    env: {},
    logger: silentLogger,
    ...options,
  });
  onTestFinished(() => runtime[Symbol.asyncDispose]());
  return { runtime, source, folder };
}

test('events flow from the moment the app is connected, and what is under way when the runtime leaves may end', async () => {
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const app = inProcessApp({
    bindings: {
      source: async ({ data }) => {
        seen.push(Buffer.from(data).toString());
        await gate.promise;
        return { data: Buffer.from('done') };
      },
    },
  });
  const { runtime, source } = await start({ app });
  expect(source.isRead).toBe(false);
  expect(runtime.components).toMatchObject([{ name: 'source', capabilities: ['INPUT_BINDING', 'OUTPUT_BINDING'] }]);
  await runtime.connectApp();

  const answer = runtime.bindings.invoke({ name: 'source', operation: 'create', data: Buffer.from('one') });
  await expect.poll(() => seen).toEqual(['one']);
  let drained = false;
  const drain = runtime.drain(never).then(() => {
    drained = true;
  });
  await expect.poll(() => source.isRead).toBe(false);
  expect(drained).toBe(false);
  gate.resolve();
  await drain;
  expect(Buffer.from((await answer).data ?? []).toString()).toBe('done');
});

test('an app that is not well gets no events until it is', async () => {
  let isHealthy = true;
  const app = inProcessApp({ bindings: { source: () => {} }, healthy: () => isHealthy });
  const { runtime, source } = await start(
    { app, appHealth: { intervalMs: 5, timeoutMs: 5, threshold: 1 } },
    '[{name: direction, value: "input, output"}, {name: route, value: /elsewhere}]',
  );
  await runtime.connectApp();
  expect(source.isRead).toBe(true);
  isHealthy = false;
  await expect.poll(() => source.isRead).toBe(false);
  isHealthy = true;
  await expect.poll(() => source.isRead).toBe(true);
});

test('without an app, outputs work and inputs are not read', async () => {
  const { runtime, source } = await start({});
  await runtime.connectApp();
  expect(source.isRead).toBe(false);
  await expect(runtime.bindings.invoke({ name: 'source', operation: 'create' })).rejects.toThrow('nobody reads');
});

test('an inbound policy that is loaded while the runtime runs holds from then on, and goes by what the app answers', async () => {
  let calls = 0;
  const app = inProcessApp({
    bindings: {
      source: () => {
        calls++;
        throw new Error('no');
      },
    },
  });
  const { runtime, source, folder } = await start({ app });
  const reload = async (codes: string) => {
    folder.file(
      'resources/policies.yaml',
      'apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec:\n' +
        `  policies: {retries: {again: {duration: 1ms, maxRetries: 2, matching: {httpStatusCodes: "${codes}"}}}}\n` +
        '  targets: {components: {source: {inbound: {retry: again}}}}\n',
    );
    await runtime.reloadResiliencies();
  };
  await runtime.connectApp();
  await expect(source.emit('before')).rejects.toThrow('no');
  expect(calls).toBe(1);
  // what the handler throws is a 500
  await reload('500');
  expect(runtime.resiliencies).toEqual(['r']);
  await expect(source.emit('after')).rejects.toThrow('no');
  expect(calls).toBe(4);
  await reload('503');
  await expect(source.emit('final')).rejects.toThrow('no');
  expect(calls).toBe(5);
});
