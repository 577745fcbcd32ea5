import { defineComponent, type PubSub } from '@outrigger/core';
import { expect, onTestFinished, test } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import { createRuntime } from '../create-runtime.ts';

/** A broker that tells who is subscribed, and whose methods may be held up. */
class Instance implements PubSub {
  readonly features = [] as const;
  readonly topics: string[] = [];
  subscribing: Promise<void> = Promise.resolve();
  leaving: Promise<void> = Promise.resolve();
  isClosed = false;

  publish(): Promise<void> {
    return new Promise(() => {});
  }

  async subscribe({ topic }: { readonly topic: string }) {
    await this.subscribing;
    this.topics.push(topic);
    return {
      pause: () => Promise.resolve(),
      resume: () => Promise.resolve(),
      [Symbol.asyncDispose]: async () => {
        this.topics.splice(this.topics.indexOf(topic), 1);
        await this.leaving;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
  }
}

async function scene() {
  const before = new Instance();
  const after = new Instance();
  const instances = [before, after];
  const broker = defineComponent({
    kind: 'pubsub',
    type: 'pubsub.test',
    version: 'v1',
    description: 'test',
    metadata: {},
    create: async () => instances.shift() ?? new Instance(),
  });
  const folder = new Folder();
  folder.file('resources/all.yaml', component('broker', 'pubsub.test'));
  const log = new LogLines();
  const app = inProcessApp({ subscribe: [{ pubsubName: 'broker', topic: 'orders', handler: () => {} }] });
  const runtime = await createRuntime({
    appId: 'app',
    namespace: '',
    resourcesPaths: [`${folder.path}/resources`],
    components: [broker],
    searchFrom: folder.path,
    env: {},
    logger: log,
    app,
  });
  onTestFinished(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  const stream = () =>
    runtime.subscribe({ pubsubName: 'broker', topic: 'news', metadata: {} }, () => Promise.resolve('SUCCESS'));
  return { before, after, runtime, log, stream };
}

test('subscriptions that begin while their component is reloaded are on the new one', async () => {
  const { before, after, runtime, stream } = await scene();
  const gate = Promise.withResolvers<void>();
  before.subscribing = gate.promise;
  const connecting = runtime.connectApp();
  const streaming = stream();
  await runtime.reloadPubSub('broker');
  gate.resolve();
  await Promise.all([connecting, streaming]);
  await expect.poll(() => before.topics).toEqual([]);
  expect(after.topics.toSorted()).toEqual(['news', 'orders']);
  expect(runtime.subscriptions).toHaveLength(2);
});

test('subscriptions that begin while the others are leaving the old one are on the new one', async () => {
  const { before, after, runtime, stream } = await scene();
  const gate = Promise.withResolvers<void>();
  await stream();
  before.leaving = gate.promise;
  const reloading = runtime.reloadPubSub('broker');
  await expect.poll(() => before.topics).toEqual([]);
  await Promise.all([runtime.connectApp(), stream()]);
  expect(before.topics.toSorted()).toEqual(['news', 'orders']);
  gate.resolve();
  await reloading;
  expect(before.topics).toEqual([]);
  expect(after.topics.toSorted()).toEqual(['news', 'news', 'orders']);
});

test('a subscription that does not end well keeps nobody from going on over the new one', async () => {
  const { before, after, runtime, log, stream } = await scene();
  await runtime.connectApp();
  await stream();
  before.leaving = Promise.reject(new Error('the connection is lost'));
  await runtime.reloadPubSub('broker');
  expect(after.topics.toSorted()).toEqual(['news', 'orders']);
  expect(before.isClosed).toBe(true);
  expect(log.lines.join('\n')).toContain('the connection is lost');
});

test('the old one is closed when time is up, though something is still being published over it', async () => {
  const { before, runtime } = await scene();
  const event = { pubsubName: 'broker', topic: 'orders', data: Buffer.from('1'), metadata: {} };
  void runtime.pubsub.publish(event).catch(() => {});
  await runtime.reloadPubSub('broker', { grace: AbortSignal.timeout(20) });
  expect(before.isClosed).toBe(true);
});
