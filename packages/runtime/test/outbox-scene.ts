import { type Message, type Policy, type PubSub, silentLogger, type StateStore } from '@outrigger/core';
import inMemoryPubSub from '@outrigger/pubsub-in-memory';
import inMemoryState from '@outrigger/state-in-memory';
import { onTestFinished } from 'vitest';

import { Outbox } from '../src/blocks/outbox.ts';
import { type ForwarderTiming, OutboxForwarder } from '../src/blocks/outbox-forwarder.ts';
import { outboxSettings } from '../src/blocks/outbox-settings.ts';
import { Broker } from '../src/blocks/pubsub-broker.ts';
import { StateBlock, type StateHandle } from '../src/blocks/state.ts';
import { LogLines } from './folder.ts';

const never = new AbortController().signal;
const created = { properties: {}, appId: 'shop', namespace: '', logger: silentLogger, signal: never };

export const outboxFields = { outboxPublishPubsub: 'pubsub', outboxPublishTopic: 'orders' };

export interface OutboxSetup {
  /** Stands between the engine and a store in memory. */
  readonly store?: (store: StateStore) => Partial<StateStore>;
  readonly broker?: (broker: PubSub) => Partial<PubSub>;
  readonly policy?: Policy;
  readonly properties?: Readonly<Record<string, string>>;
  readonly secretNames?: Readonly<Record<string, string>>;
  readonly brokerProperties?: Readonly<Record<string, string>>;
  readonly timing?: Partial<ForwarderTiming>;
}

export interface OutboxScene {
  readonly handle: StateHandle;
  readonly store: StateStore;
  readonly broker: PubSub;
  readonly forwarder: OutboxForwarder;
  /** What has reached the topic `orders`. */
  readonly events: Record<string, unknown>[];
  /** What has passed through the internal topic. */
  readonly internal: Message[];
  readonly log: LogLines;
}

/** A state store with an outbox, both in memory, and its forwarder at work. */
export async function outboxScene(setup: OutboxSetup = {}): Promise<OutboxScene> {
  const memory = await inMemoryState.create({ ...created, name: 'store', metadata: {} });
  const bus = await inMemoryPubSub.create({ ...created, name: 'pubsub', metadata: { maxQueuedBytes: 1e6 } });
  const store = Object.assign(Object.create(memory) as StateStore, bound(memory), setup.store?.(memory));
  const component = Object.assign(Object.create(bus) as PubSub, bound(bus), setup.broker?.(bus));
  const properties = { ...outboxFields, ...setup.properties };
  const app = { appId: 'shop', namespace: '' };
  const brokerProperties = setup.brokerProperties ?? {};
  const broker = new Broker({ ...app, name: 'pubsub', component, properties: brokerProperties, namespaced: false });
  const brokers = new Map([['pubsub', broker]]);
  const settings = outboxSettings(properties);
  if (settings === undefined) throw new Error('the scene has no outbox');
  const outbox = new Outbox({ ...app, store: 'store', component: store, settings, brokers });
  const log = new LogLines();
  const timing = { looks: [5, 5, 5], patience: 60_000, start: 50, ...setup.timing };
  const forwarder = new OutboxForwarder({ outboxes: [outbox], brokers, logger: log, timing });
  const events: Record<string, unknown>[] = [];
  const internal: Message[] = [];
  await bus.subscribe(
    { topic: 'orders', metadata: {} },
    async ({ data }) => void events.push(JSON.parse(Buffer.from(data).toString()) as Record<string, unknown>),
    never,
  );
  await bus.subscribe(
    { topic: 'shopordersoutbox', metadata: {} },
    async (message) => void internal.push(message),
    never,
  );
  await forwarder.start(never);
  onTestFinished(async () => {
    await forwarder.stop(AbortSignal.abort());
    await bus[Symbol.asyncDispose]();
    await memory[Symbol.asyncDispose]();
  });
  const block = new StateBlock([{ name: 'store', store, properties, outbox, secretNames: setup.secretNames ?? {} }], {
    ...app,
    policy: () => setup.policy,
  });
  return { handle: block.store('store'), store: memory, broker: bus, forwarder, events, internal, log };
}

/** The methods of an object, for one that stands in for it. */
function bound<T extends object>(object: T): Partial<T> {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(object)).flatMap((name) => {
    const value = (object as Record<string, unknown>)[name];
    return name !== 'constructor' && typeof value === 'function' ? [[name, value.bind(object) as unknown]] : [];
  });
  const features = (object as { features?: unknown }).features;
  return { ...Object.fromEntries(methods), features } as Partial<T>;
}

export const upsert = (key: string, value: string, more: Record<string, unknown> = {}) =>
  ({ operation: 'upsert', request: { key, value: Buffer.from(value), ...more } }) as const;

/** Keys of markers that are left in a store. */
export async function markersIn(store: StateStore): Promise<readonly string[]> {
  return (await store.keysLike?.({ pattern: 'outbox-%' }, never))?.keys ?? [];
}
