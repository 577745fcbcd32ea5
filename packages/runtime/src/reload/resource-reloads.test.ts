import { rmSync } from 'node:fs';
import pubsub from '@outrigger/pubsub-in-memory';
import inMemory from '@outrigger/state-in-memory';
import sqlite from '@outrigger/state-sqlite';
import { expect, onTestFinished, test } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import { createRuntime } from '../create-runtime.ts';
import type { Runtime } from '../runtime.ts';

const subscription = (name: string, topic: string, pubsubName = 'events') =>
  `apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: ${name}}\nspec: {pubsubname: ${pubsubName}, topic: ${topic}, routes: {default: /${topic}}}\n---\n`;

async function world(files: Record<string, string>) {
  const folder = new Folder();
  const log = new LogLines();
  folder.file('resources/keep.yaml', component('kept', 'state.in-memory', '[]'));
  for (const [name, text] of Object.entries(files)) folder.file(`resources/${name}`, text);
  const runtime: Runtime = await createRuntime({
    appId: 'app',
    namespace: '',
    resourcesPaths: [`${folder.path}/resources`],
    components: [pubsub, inMemory, sqlite],
    searchFrom: folder.path,
    env: {},
    logger: log,
    app: inProcessApp({}),
  });
  onTestFinished(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  return { folder, log, runtime };
}

const value = Buffer.from('1');
const database = (folder: Folder, name: string) =>
  component('store', 'state.sqlite', `[{name: connectionString, value: "${folder.path}/${name}.db"}]`);

test('a component is added, changed and removed, and the others keep what they have', async () => {
  const { folder, runtime } = await world({});
  await runtime.connectApp();
  await runtime.state('kept').save([{ key: 'k', value }]);

  folder.file('resources/store.yaml', database(folder, 'one'));
  await runtime.reloadResources();
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept', 'store']);
  await runtime.state('store').save([{ key: 'k', value }]);

  folder.file('resources/store.yaml', database(folder, 'two'));
  await runtime.reloadResources();
  expect(await runtime.state('store').get('k')).toBeUndefined();

  folder.file('resources/store.yaml', `# moved by a line\n${database(folder, 'one')}`);
  await runtime.reloadResources();
  expect(Buffer.from((await runtime.state('store').get('k'))?.value ?? '').toString()).toBe('1');

  rmSync(`${folder.path}/resources/store.yaml`);
  await runtime.reloadResources();
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept']);
  expect(() => runtime.state('store')).toThrow(/store/);
  expect(Buffer.from((await runtime.state('kept').get('k'))?.value ?? '').toString()).toBe('1');
});

test('calls under way when a store is swapped end well', async () => {
  const { folder, runtime } = await world({});
  folder.file('resources/store.yaml', database(folder, 'one'));
  await runtime.reloadResources();
  const writes: Promise<void>[] = [];
  for (const name of ['two', 'three', 'four']) {
    for (let key = 0; key < 50; key++) writes.push(runtime.state('store').save([{ key: `${name}${key}`, value }]));
    folder.file('resources/store.yaml', database(folder, name));
    await runtime.reloadResources();
  }
  await expect(Promise.all(writes)).resolves.toHaveLength(150);
});

test('a bad file keeps everything as it was and says where the mistake is', async () => {
  const { folder, runtime } = await world({});
  folder.file('resources/new.yaml', 'kind: Component\n  bad: [');
  await expect(runtime.reloadResources()).rejects.toThrow(/new\.yaml:\d/);
  expect(runtime.components.map(({ name }) => name)).toEqual(['kept']);
});

test('a component that cannot be made leaves the old one at work', async () => {
  const { folder, log, runtime } = await world({});
  folder.file('resources/store.yaml', database(folder, 'one'));
  await runtime.reloadResources();
  await runtime.state('store').save([{ key: 'k', value }]);
  folder.file('resources/store.yaml', database(folder, 'missing/folder/nowhere'));
  folder.file('resources/other.yaml', component('other', 'state.in-memory', '[]'));
  await runtime.reloadResources();
  expect(Buffer.from((await runtime.state('store').get('k'))?.value ?? '').toString()).toBe('1');
  expect(runtime.components.map(({ name }) => name).toSorted()).toEqual(['kept', 'other', 'store']);
  expect(log.lines.join('\n')).toMatch(/store\.yaml:\d+.*stays as it was/s);
});

test('a pub/sub component and a subscription come and go', async () => {
  const { folder, runtime } = await world({});
  await runtime.connectApp();
  folder.file('resources/events.yaml', component('events', 'pubsub.in-memory', '[]'));
  folder.file('resources/subscription.yaml', subscription('orders', 'orders'));
  await runtime.reloadResources();
  expect(runtime.subscriptions.map(({ topic }) => topic)).toEqual(['orders']);
  await runtime.pubsub.publish({ pubsubName: 'events', topic: 'orders', data: value });

  folder.file('resources/subscription.yaml', subscription('orders', 'news'));
  await runtime.reloadResources();
  expect(runtime.subscriptions.map(({ topic }) => topic)).toEqual(['news']);

  rmSync(`${folder.path}/resources/events.yaml`);
  rmSync(`${folder.path}/resources/subscription.yaml`);
  await runtime.reloadResources();
  expect(runtime.subscriptions).toEqual([]);
  await expect(runtime.pubsub.publish({ pubsubName: 'events', topic: 'orders', data: value })).rejects.toThrow(
    /events/,
  );
});
