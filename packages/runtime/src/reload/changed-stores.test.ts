import { rmSync } from 'node:fs';

import { ComponentError, type ConfigurationItems, defineComponent, field } from '@outrigger/core';
import { expect, test } from 'vitest';

import { world } from '../../test/reload-world.ts';
import { component } from '../../test/traced-runtimes.ts';
import { inProcessApp } from '../app-channel/in-process.ts';
import type { Runtime } from '../runtime.ts';

type Told = (items: ConfigurationItems) => Promise<void>;

/** Stores of one item, `color`, which each resource has a value for; `tell` changes it in those that are open. */
function paintedStores() {
  const open = new Map<string, Set<Told>>();
  let refusals = 0;
  const itemsOf = (color: string) => ({ color: { value: color, version: '1', metadata: {} } });
  const definition = defineComponent({
    kind: 'configuration',
    type: 'configuration.painted',
    version: 'v1',
    metadata: { color: field.text({ description: 'Any', required: true }) },
    create: async ({ metadata: { color } }) => {
      const subscribers = new Set<Told>();
      open.set(color, subscribers);
      return {
        get: async () => itemsOf(color),
        subscribe: async (_: unknown, onChange: Told) => {
          if (refusals-- > 0) throw new ComponentError('unavailable', 'not yet');
          subscribers.add(onChange);
          return { [Symbol.asyncDispose]: async () => void subscribers.delete(onChange) };
        },
        [Symbol.asyncDispose]: async () => void open.delete(color),
      };
    },
  });
  return {
    definition,
    open: () => [...open.keys()],
    refuse: (times: number) => (refusals = times),
    tell: async (store: string, color: string) => {
      for (const told of open.get(store) ?? []) await told(itemsOf(color));
    },
  };
}

const painted = (color: string) => component('config', 'configuration.painted', `[{name: color, value: ${color}}]`);

test('a subscription to a configuration store goes on over the changed one, and is told what is there now', async () => {
  const stores = paintedStores();
  const { folder, runtime } = await world({ 'config.yaml': painted('red') }, [stores.definition]);
  const seen: string[] = [];
  const subscription = await runtime.configurationStore('config').subscribe(['color'], {}, (items) => {
    for (const { value } of Object.values(items)) seen.push(value);
  });
  await stores.tell('red', 'crimson');
  stores.refuse(1);
  folder.file('resources/config.yaml', painted('blue'));
  await runtime.reloadResources();

  await expect.poll(() => seen).toEqual(['crimson', 'blue']);
  await stores.tell('blue', 'navy');
  expect(seen).toEqual(['crimson', 'blue', 'navy']);
  expect(await runtime.configurationStore('config').get(['color'])).toMatchObject({ color: { value: 'blue' } });
  await expect.poll(stores.open).toEqual(['blue']);

  await runtime.configurationStore('config').unsubscribe(subscription.id);
  await stores.tell('blue', 'sky');
  expect(seen).not.toContain('sky');
});

test('a configuration store comes, and its subscriptions end when it goes', async () => {
  const stores = paintedStores();
  const { folder, runtime } = await world({}, [stores.definition]);
  folder.file('resources/config.yaml', painted('red'));
  await runtime.reloadResources();
  const subscription = await runtime.configurationStore('config').subscribe(['color'], {}, () => {});
  rmSync(`${folder.path}/resources/config.yaml`);
  await runtime.reloadResources();
  await subscription.ended;
  expect(() => runtime.configurationStore('config')).toThrow(/config/);
  await expect.poll(stores.open).toEqual([]);
});

/** Takes what arrives on `orders` and `bills`. */
function collector() {
  const got: string[] = [];
  const app = inProcessApp({
    subscribe: ['orders', 'bills'].map((topic) => ({
      pubsubName: 'events',
      topic,
      handler: ({ data }) => void got.push(`${topic} ${JSON.stringify(data)}`),
    })),
  });
  return { got, app };
}

const outboxStore = (folder: string, name: string, topic: string | undefined) =>
  component(
    'store',
    'state.sqlite',
    `[{name: connectionString, value: "${folder}/${name}.db"}${
      topic === undefined
        ? ''
        : `, {name: outboxPublishPubsub, value: events}, {name: outboxPublishTopic, value: ${topic}}`
    }]`,
  );

const save = (runtime: Runtime, key: string) =>
  runtime.state('store').transact([{ operation: 'upsert', request: { key, value: Buffer.from(key) } }]);

test('a state store gets an outbox, another topic and none, and no event is lost on the way', async () => {
  const { got, app } = collector();
  const { folder, runtime } = await world({ 'events.yaml': component('events', 'pubsub.in-memory') }, [], { app });
  await runtime.connectApp();
  const put = (name: string, topic: string | undefined) => {
    folder.file('resources/store.yaml', outboxStore(folder.path, name, topic));
    return runtime.reloadResources();
  };
  await put('one', undefined);
  await save(runtime, 'silent');
  await put('one', 'orders');
  await save(runtime, 'first');
  await put('two', 'orders');
  await save(runtime, 'second');
  const underWay = Array.from({ length: 20 }, (_, number) => save(runtime, `under way ${number}`));
  await put('two', 'bills');
  await save(runtime, 'third');
  await Promise.all(underWay);
  await put('two', undefined);
  await save(runtime, 'silent again');

  await expect.poll(() => got.length).toBe(23);
  expect(got.filter((one) => !one.includes('under way')).toSorted()).toEqual([
    'bills "third"',
    'orders "first"',
    'orders "second"',
  ]);
});

test('an outbox that cannot work leaves the old store as it was', async () => {
  const { got, app } = collector();
  const { folder, log, runtime } = await world({ 'events.yaml': component('events', 'pubsub.in-memory') }, [], { app });
  await runtime.connectApp();
  folder.file('resources/store.yaml', outboxStore(folder.path, 'one', 'orders'));
  await runtime.reloadResources();
  folder.file(
    'resources/store.yaml',
    outboxStore(folder.path, 'one', 'orders').replace('value: events', 'value: nowhere'),
  );
  await runtime.reloadResources();
  expect(log.lines.join('\n')).toMatch(/store\.yaml:1: .*no pub\/sub component "nowhere".*stays as it was/);
  await save(runtime, 'still');
  await expect.poll(() => got).toEqual(['orders "still"']);
});
