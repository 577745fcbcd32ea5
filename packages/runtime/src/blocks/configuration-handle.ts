import { randomUUID } from 'node:crypto';

import {
  ComponentError,
  type ConfigurationItems,
  type ConfigurationStore,
  errorMessage,
  type Logger,
  type Policy,
  type RequestMetadata,
  sleep,
} from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { AppChannel } from '../app-channel/app-channel.ts';
import type { ConfigurationHandle, ConfigurationSubscription } from './configuration.ts';
import {
  configurationGetFailed,
  configurationSubscribeFailed,
  configurationUnsubscribeFailed,
  noAppForConfiguration,
} from './configuration-errors.ts';
import { ConfigurationPush } from './configuration-push.ts';

export interface StoreConfigurationOptions {
  readonly name: string;
  readonly store: ConfigurationStore;
  readonly app: AppChannel | undefined;
  /** Asked with each call. */
  readonly outbound: () => Policy | undefined;
  /** Asked with each change. */
  readonly inbound: () => Policy | undefined;
  readonly logger: Logger;
  /** Absent: calls are not counted. */
  readonly meter?: ComponentMeter | undefined;
}

const never = new AbortController().signal;

/** One store and the subscriptions to it. */
export class StoreConfiguration implements ConfigurationHandle {
  readonly #name: string;
  #store: ConfigurationStore;
  readonly #policy: () => Policy | undefined;
  readonly #logger: Logger;
  readonly #meter: ComponentMeter | undefined;
  readonly #push: ConfigurationPush | undefined;
  readonly #subscriptions = new Map<string, LiveSubscription>();
  readonly #leaving = new AbortController();

  constructor({ name, store, app, outbound, inbound, logger, meter }: StoreConfigurationOptions) {
    this.#meter = meter;
    this.#name = name;
    this.#store = store;
    this.#policy = outbound;
    this.#logger = logger;
    this.#push = app && new ConfigurationPush({ store: name, app, policy: inbound, logger });
  }

  async get(
    keys: readonly string[],
    metadata: RequestMetadata = {},
    signal: AbortSignal = never,
  ): Promise<ConfigurationItems> {
    try {
      return await this.#run('get', (attempt) => this.#store.get({ keys, metadata }, attempt), signal);
    } catch (error) {
      throw configurationGetFailed(this.#name, keys, error);
    }
  }

  async subscribe(
    keys: readonly string[],
    metadata: RequestMetadata = {},
    onChange: (items: ConfigurationItems, id: string) => Promise<void> | void,
    signal: AbortSignal = never,
  ): Promise<ConfigurationSubscription> {
    const id = randomUUID();
    const wanted = { keys, metadata, told: async (items: ConfigurationItems): Promise<void> => onChange(items, id) };
    const setUp = AbortSignal.any([signal, this.#leaving.signal]);
    let store: ConfigurationStore;
    let made: AsyncDisposable;
    try {
      store = this.#store;
      made = await this.#begin(store, wanted, setUp);
    } catch (error) {
      throw configurationSubscribeFailed(this.#name, keys, error);
    }
    const subscription = new LiveSubscription(id, wanted, made, () => this.#subscriptions.delete(id));
    this.#subscriptions.set(id, subscription);
    if (store !== this.#store) void this.#move(subscription, this.#store);
    return subscription;
  }

  /**
   * From now on calls go to `store`. Subscriptions follow in the background, again and again while it refuses, and are told of all
   * their items then: those may be others. The old store is left to the caller.
   */
  replaceStore(store: ConfigurationStore): void {
    this.#store = store;
    for (const subscription of this.#subscriptions.values()) void this.#move(subscription, store);
  }

  async #move(subscription: LiveSubscription, store: ConfigurationStore): Promise<void> {
    const { keys, metadata, told } = subscription.wanted;
    const isWanted = (): boolean => this.#subscriptions.has(subscription.id) && this.#store === store;
    const leaving = this.#leaving.signal;
    for (let wait = 500; isWanted(); wait = Math.min(wait * 2, 15_000)) {
      try {
        const made = await this.#begin(store, subscription.wanted, leaving);
        if (!isWanted()) return await made[Symbol.asyncDispose]();
        await subscription.moveTo(made).catch(() => {}); // the old one may be gone already
        await told(await this.#run('get', (attempt) => store.get({ keys, metadata }, attempt), leaving));
        return;
      } catch (error) {
        if (!isWanted()) return;
        this.#logger.warn(
          `a subscription to configuration store ${this.#name} does not go on over the changed component yet: ${errorMessage(error)}`,
        );
        await sleep(wait, leaving).catch(() => {}); // then it is not wanted any more
      }
    }
  }

  async subscribeApp(
    keys: readonly string[],
    metadata?: RequestMetadata,
    signal: AbortSignal = never,
  ): Promise<string> {
    const push = this.#push;
    if (push === undefined) throw noAppForConfiguration();
    const { id } = await this.subscribe(keys, metadata, (items, own) => push.tell(own, items), signal);
    return id;
  }

  async unsubscribe(id: string): Promise<void> {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) throw configurationUnsubscribeFailed(id, new Error('subscription does not exist'));
    try {
      await subscription[Symbol.asyncDispose]();
    } catch (error) {
      throw configurationUnsubscribeFailed(id, error);
    }
  }

  /** See {@link ConfigurationBlock.endSubscriptions}. */
  async endSubscriptions(grace: AbortSignal): Promise<void> {
    this.#leaving.abort(new ComponentError('unavailable', 'the runtime is stopping'));
    await Promise.all(
      [...this.#subscriptions.values()].map(async (subscription) => {
        try {
          await subscription[Symbol.asyncDispose]();
        } catch (error) {
          this.#logger.warn(
            `ending a subscription to configuration store ${this.#name} failed: ${errorMessage(error)}`,
          );
        }
      }),
    );
    await this.#push?.settled(grace);
  }

  #begin(store: ConfigurationStore, wanted: WantedItems, signal: AbortSignal): Promise<AsyncDisposable> {
    return this.#run('subscribe', (attempt) => begin(store, wanted, attempt), signal);
  }

  #run<T>(operation: string, call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const policy = this.#policy();
    const run = (): Promise<T> => (policy === undefined ? call(signal) : policy.execute(call, signal));
    return this.#meter === undefined ? run() : this.#meter.measure(operation, run);
  }
}

/** What a subscription is to, and who is told. */
interface WantedItems {
  readonly keys: readonly string[];
  readonly metadata: RequestMetadata;
  readonly told: (items: ConfigurationItems) => Promise<void>;
}

async function begin(
  store: ConfigurationStore,
  { keys, metadata, told }: WantedItems,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  if (store.subscribe === undefined) {
    throw new ComponentError('unsupported', 'this configuration store cannot tell of changes: get the items again');
  }
  signal.throwIfAborted();
  const made = await store.subscribe({ keys, metadata }, told, signal);
  if (!signal.aborted) return made;
  // it came too late: nobody would ever end it
  await made[Symbol.asyncDispose]();
  throw signal.reason;
}

class LiveSubscription implements ConfigurationSubscription {
  readonly id: string;
  readonly ended: Promise<void>;
  readonly wanted: WantedItems;
  #made: AsyncDisposable;
  readonly #end: () => void;
  #disposed: Promise<void> | undefined;

  constructor(id: string, wanted: WantedItems, made: AsyncDisposable, onEnd: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.id = id;
    this.wanted = wanted;
    this.ended = promise;
    this.#made = made;
    this.#end = () => {
      onEnd();
      resolve();
    };
  }

  /** Ends what it has been over so far. */
  async moveTo(made: AsyncDisposable): Promise<void> {
    const old = this.#made;
    this.#made = made;
    await old[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    this.#end();
    await this.#made[Symbol.asyncDispose]();
  }
}
