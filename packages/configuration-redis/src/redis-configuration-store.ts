import type { ConfigurationItems, ConfigurationRequest, ConfigurationStore, Logger } from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';
import { ChangeWatch } from './change-watch.ts';
import { itemOf } from './item.ts';
import { KeyEvents } from './key-events.ts';
import { storedTexts } from './stored-texts.ts';

export interface RedisConfigurationStoreOptions {
  /** Its number. */
  readonly database: number;
  readonly logger: Logger;
}

/** Each text of a Redis database is an item, laid out as Dapr reads it. */
export class RedisConfigurationStore implements ConfigurationStore {
  readonly #connection: RedisConnection;
  readonly #events: KeyEvents;
  readonly #logger: Logger;
  readonly #watches = new Set<ChangeWatch>();

  /** Takes the connection over: disposing the store closes it. */
  constructor(connection: RedisConnection, { database, logger }: RedisConfigurationStoreOptions) {
    this.#connection = connection;
    this.#events = new KeyEvents(connection, database, logger);
    this.#logger = logger;
  }

  async get({ keys }: ConfigurationRequest, signal: AbortSignal): Promise<ConfigurationItems> {
    const texts = await storedTexts(this.#connection, wanted(keys), signal);
    const items = [...texts].map(([key, text]) => [key, itemOf(text)] as const);
    // as with Dapr, an item without a value is none
    return Object.fromEntries(items.filter(([, { value }]) => value !== ''));
  }

  async subscribe(
    { keys }: ConfigurationRequest,
    onChange: (items: ConfigurationItems) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AsyncDisposable> {
    const watch = await ChangeWatch.start(
      {
        connection: this.#connection,
        events: this.#events,
        keys: wanted(keys),
        onChange,
        logger: this.#logger,
      },
      signal,
    );
    this.#watches.add(watch);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#watches.delete(watch);
        await watch[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch[Symbol.asyncDispose]()));
    await this.#events[Symbol.asyncDispose]();
    await this.#connection[Symbol.asyncDispose]();
  }
}

/** Each once; `undefined`: all. */
function wanted(keys: readonly string[] = []): readonly string[] | undefined {
  return keys.length === 0 ? undefined : [...new Set(keys)];
}
