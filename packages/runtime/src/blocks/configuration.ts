import type { ConfigurationItems, ConfigurationStore, Logger, Policy, RequestMetadata } from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { AppChannel } from '../app-channel/app-channel.ts';
import { configurationStoreNotFound, configurationStoresNotConfigured } from './configuration-errors.ts';
import { StoreConfiguration } from './configuration-handle.ts';

/** A subscription to changes of configuration items. Disposal ends it, without waiting for an `onChange` under way. */
export interface ConfigurationSubscription extends AsyncDisposable {
  /** What `unsubscribe` takes. */
  readonly id: string;
  /** Resolves when it has ended: disposed, unsubscribed by its id, or because the runtime is leaving. */
  readonly ended: Promise<void>;
}

/** One configuration store as the app sees it: the outbound policy applies, failures become ApiErrors. */
export interface ConfigurationHandle {
  /** `keys` empty: all. Keys that do not exist are left out. */
  get(keys: readonly string[], metadata?: RequestMetadata, signal?: AbortSignal): Promise<ConfigurationItems>;

  /**
   * Calls `onChange` with the changed items only, one call at a time and in order; a deleted item comes with an empty value.
   * Resolves once changes made from now on will be told; the signal covers this set-up only.
   */
  subscribe(
    keys: readonly string[],
    metadata: RequestMetadata | undefined,
    onChange: (items: ConfigurationItems, id: string) => Promise<void> | void,
    signal?: AbortSignal,
  ): Promise<ConfigurationSubscription>;

  /**
   * As `subscribe`, with the app told of each changed item (`POST /configuration/{store}/{key}`) under the inbound policy;
   * resolves to the id. What the app does not take is logged and not told again. Throws 500 `ERR_APP_CHANNEL_NIL` without an
   * app.
   */
  subscribeApp(keys: readonly string[], metadata?: RequestMetadata, signal?: AbortSignal): Promise<string>;

  /** Ends the subscription with this id, whoever made it. Throws 500 `ERR_CONFIGURATION_UNSUBSCRIBE` when there is none. */
  unsubscribe(id: string): Promise<void>;
}

/** A configuration store that is up. */
export interface ConfigurationComponent {
  readonly name: string;
  readonly store: ConfigurationStore;
}

export interface ConfigurationBlockOptions {
  /** Who is told of changes. Absent: there is no app. */
  readonly app?: AppChannel | undefined;
  /** Around calls to a component; `undefined`: they go straight through. Asked with each call. */
  readonly outbound?: (component: string) => Policy | undefined;
  /** Around telling the app of a component's changes; `undefined`: a single attempt. Asked with each change. */
  readonly inbound?: (component: string) => Policy | undefined;
  readonly logger: Logger;
  /** Counts the calls of a component. Absent, or `undefined`: nobody does. */
  readonly meter?: (component: string) => ComponentMeter | undefined;
}

/** The configuration building block: every loaded store by its name. */
export class ConfigurationBlock {
  readonly #options: ConfigurationBlockOptions;
  readonly #handles = new Map<string, StoreConfiguration>();

  constructor(components: readonly ConfigurationComponent[], options: ConfigurationBlockOptions) {
    this.#options = options;
    for (const { name, store } of components) this.#handles.set(name, this.#handle(name, store));
  }

  /** Adds a store, or puts it in the place of the one that has its name: then its subscriptions go on over the new one. */
  set({ name, store }: ConfigurationComponent): void {
    const handle = this.#handles.get(name);
    if (handle === undefined) this.#handles.set(name, this.#handle(name, store));
    else handle.replaceStore(store);
  }

  /** Ends the subscriptions to a store, which is not there any more from now on. */
  async delete(name: string, grace: AbortSignal): Promise<void> {
    const handle = this.#handles.get(name);
    this.#handles.delete(name);
    await handle?.endSubscriptions(grace);
  }

  #handle(name: string, store: ConfigurationStore): StoreConfiguration {
    const { app, outbound, inbound, logger, meter } = this.#options;
    return new StoreConfiguration({
      name,
      store,
      app,
      outbound: () => outbound?.(name),
      inbound: () => inbound?.(name),
      logger,
      meter: meter?.(name),
    });
  }

  /**
   * Throws 500 `ERR_CONFIGURATION_STORE_NOT_CONFIGURED` when there is no store at all, 400
   * `ERR_CONFIGURATION_STORE_NOT_FOUND` for another name.
   */
  store(name: string): ConfigurationHandle {
    const handle = this.#handles.get(name);
    if (handle !== undefined) return handle;
    throw this.#handles.size === 0 ? configurationStoresNotConfigured() : configurationStoreNotFound(name);
  }

  /** Ends every subscription there is, refuses new ones, and waits for the app to take what it is being told until `grace` aborts. */
  async endSubscriptions(grace: AbortSignal): Promise<void> {
    await Promise.all([...this.#handles.values()].map((handle) => handle.endSubscriptions(grace)));
  }
}
