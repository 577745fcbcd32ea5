import type { ConfigurationItem, ConfigurationItems, ConfigurationRequest, ConfigurationStore } from '@outrigger/core';

export const item = (value: string, version = ''): ConfigurationItem => ({ value, version, metadata: {} });

/** A configuration store over a Map, to be changed by the test. */
export class MapConfiguration implements ConfigurationStore {
  readonly #items = new Map<string, ConfigurationItem>();
  readonly #watchers = new Set<(items: ConfigurationItems) => Promise<void>>();

  constructor(items: ConfigurationItems) {
    for (const [key, value] of Object.entries(items)) this.#items.set(key, value);
  }

  /** How many subscriptions there are. */
  get watchers(): number {
    return this.#watchers.size;
  }

  async get({ keys = [], metadata = {} }: ConfigurationRequest): Promise<ConfigurationItems> {
    if (metadata['broken']) throw new Error('disk on fire');
    return Object.fromEntries([...this.#items].filter(([key]) => keys.length === 0 || keys.includes(key)));
  }

  async subscribe(
    { keys = [] }: ConfigurationRequest,
    onChange: (items: ConfigurationItems) => Promise<void>,
  ): Promise<AsyncDisposable> {
    const watcher = async (items: ConfigurationItems) => {
      const wanted = Object.entries(items).filter(([key]) => keys.length === 0 || keys.includes(key));
      if (wanted.length > 0) await onChange(Object.fromEntries(wanted));
    };
    this.#watchers.add(watcher);
    return { [Symbol.asyncDispose]: async () => void this.#watchers.delete(watcher) };
  }

  /** Resolves when everybody has been told. */
  async set(items: ConfigurationItems): Promise<void> {
    for (const [key, value] of Object.entries(items)) this.#items.set(key, value);
    await Promise.all([...this.#watchers].map((watcher) => watcher(items)));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
