import { defineComponent, field, type PubSub } from '@outrigger/core';
import inMemory from '@outrigger/pubsub-in-memory';
import sqlite from '@outrigger/pubsub-sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import { createRuntime } from '../create-runtime.ts';

class QuietPubSub implements PubSub {
  readonly features = [] as const;

  async publish(): Promise<void> {}

  async subscribe() {
    return { pause: async () => {}, resume: async () => {}, [Symbol.asyncDispose]: async () => {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function scene(type: 'pubsub.in-memory' | 'pubsub.sqlite') {
  const folder = new Folder();
  const database = JSON.stringify(`${folder.path}/messages.db`);
  folder.file(
    'resources/all.yaml',
    component('broker', type, type === 'pubsub.sqlite' ? `[{name: connectionString, value: ${database}}]` : '[]'),
  );
  const seen: unknown[] = [];
  const log = new LogLines();
  const runtime = await createRuntime({
    appId: 'app',
    namespace: '',
    resourcesPaths: [`${folder.path}/resources`],
    components: [inMemory, sqlite],
    searchFrom: folder.path,
    app: inProcessApp({
      subscribe: [{ pubsubName: 'broker', topic: 'orders', handler: (event) => void seen.push(event.data) }],
    }),
    logger: log,
    env: {},
  });
  onTestFinished(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  await runtime.connectApp();
  const watched: string[] = [];
  const watch = (metadata: Readonly<Record<string, string>>) =>
    runtime.subscribe({ pubsubName: 'broker', topic: 'orders', metadata }, async ({ topic }) => {
      watched.push(topic);
      return 'SUCCESS';
    });
  const publish = (data: string) =>
    runtime.pubsub.publish({ pubsubName: 'broker', topic: 'orders', data: Buffer.from(data) });
  return { folder, log, runtime, seen, watched, watch, publish };
}

const patient = { timeout: 20_000, interval: 10 };

test.each(['pubsub.in-memory', 'pubsub.sqlite'] as const)(
  'a stream with a consumer id of its own takes nothing from the app: %s',
  async (type) => {
    const { runtime, seen, watched, watch, publish } = await scene(type);
    const stream = await watch({ consumerID: 'watcher' });
    for (let index = 0; index < 20; index++) await publish(String(index));
    await vi.waitFor(() => expect([seen.length, watched.length]).toEqual([20, 20]), patient);
    await stream[Symbol.asyncDispose]();
    await publish('20');
    await vi.waitFor(() => expect(seen).toHaveLength(21), patient);
    expect(watched).toHaveLength(20);
    expect(runtime.subscriptions.map((one) => one.type)).not.toContain('STREAMING');
  },
);

test('a consumer of its own begins with what is there, a temporary one with what comes', async () => {
  const { watched, watch, publish, seen } = await scene('pubsub.sqlite');
  await using _kept = await watch({ consumerID: 'kept' });
  // held for the consumer that is not there at the moment
  await _kept[Symbol.asyncDispose]();
  await publish('1');
  await vi.waitFor(() => expect(seen).toHaveLength(1), patient);
  await using _new = await watch({ consumerID: 'new', temporaryConsumer: 'true' });
  await publish('2');
  await vi.waitFor(() => expect(watched).toHaveLength(1), patient);
  await using _again = await watch({ consumerID: 'kept' });
  await vi.waitFor(() => expect(watched).toHaveLength(3), patient);
});

test('the metadata of the component says what is not kept for a temporary consumer', async () => {
  const made: Readonly<Record<string, unknown>>[] = [];
  const fields = { consumerID: field.text({ description: 'c' }), deletedWhenUnused: field.flag({ description: 'd' }) };
  const definition = defineComponent({
    kind: 'pubsub',
    type: 'pubsub.queues',
    version: 'v1',
    description: 'test',
    metadata: fields,
    create: async ({ metadata }) => (made.push(metadata), new QuietPubSub()),
  });
  const folder = new Folder();
  folder.file('resources/all.yaml', component('broker', 'pubsub.queues', '[{name: DELETEDWHENUNUSED, value: false}]'));
  const paths = { resourcesPaths: [`${folder.path}/resources`], searchFrom: folder.path };
  await using runtime = await createRuntime({ appId: 'app', ...paths, components: [definition], env: {} });
  onTestFinished(() => folder[Symbol.dispose]());
  const topic = { pubsubName: 'broker', topic: 'orders' };
  const metadata = { consumerID: 'watcher', temporaryConsumer: 'true' };
  await using _ = await runtime.subscribe({ ...topic, metadata }, async () => 'SUCCESS');
  expect(made).toEqual([
    { consumerID: 'app', deletedWhenUnused: false },
    { consumerID: 'watcher', deletedWhenUnused: true },
  ]);
});

test('such a stream goes on over a component that was made anew', async () => {
  const { runtime, seen, watched, watch, publish } = await scene('pubsub.sqlite');
  await using _ = await watch({ consumerid: 'watcher' });
  await publish('1');
  await vi.waitFor(() => expect([seen.length, watched.length]).toEqual([1, 1]), patient);
  await runtime.reloadPubSub('broker');
  await publish('2');
  await vi.waitFor(() => expect([seen.length, watched.length]).toEqual([2, 2]), patient);
});

test('says why it cannot be subscribed that way', async () => {
  const { runtime } = await scene('pubsub.sqlite');
  const absent = { pubsubName: 'none', topic: 'orders', metadata: { consumerID: 'watcher' } };
  await expect(runtime.subscribe(absent, async () => 'SUCCESS')).rejects.toThrow(/none/);
});
