import inMemory from '@outrigger/pubsub-in-memory';
import sqlite from '@outrigger/pubsub-sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import { createRuntime } from '../create-runtime.ts';

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
