import { type ConfigurationItem, type ConfigurationItems, errorMessage, type Logger, sleep } from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';
import { deletedItem, itemOf } from './item.ts';
import type { KeyEvents, KeyListener } from './key-events.ts';
import { storedTexts } from './stored-texts.ts';

export interface ChangeWatchOptions {
  readonly connection: RedisConnection;
  readonly events: KeyEvents;
  /** `undefined`: all. */
  readonly keys: readonly string[] | undefined;
  readonly onChange: (items: ConfigurationItems) => Promise<void>;
  readonly logger: Logger;
}

/** Pause before reading again what could not be read, in milliseconds. */
const retryPause = 1000;

/**
 * One subscription. It knows what the store held when it last looked; an event only makes it look again, and what is not as
 * before is told. So a change is told once, however many events it makes, and after a lost connection looking at everything
 * finds what was missed.
 */
export class ChangeWatch implements AsyncDisposable, KeyListener {
  readonly #options: ChangeWatchOptions;
  readonly #ending = new AbortController();
  readonly #touched = new Set<string>();
  #known = new Map<string, string>();
  #missed = false;
  /** Until what is there at the start is known, nothing can be told. */
  #working = true;
  #listening: AsyncDisposable | undefined;

  private constructor(options: ChangeWatchOptions) {
    this.#options = options;
  }

  /** Resolves once changes made from now on will be told. */
  static async start(options: ChangeWatchOptions, signal: AbortSignal): Promise<ChangeWatch> {
    const watch = new ChangeWatch(options);
    const { connection, events, keys } = options;
    try {
      watch.#listening = await events.listen(keys, watch);
      watch.#known = await storedTexts(connection, keys, signal);
      signal.throwIfAborted();
    } catch (error) {
      await watch[Symbol.asyncDispose]();
      throw error;
    }
    watch.#working = false;
    watch.#wake();
    return watch;
  }

  onKey(key: string): void {
    this.#touched.add(key);
    this.#wake();
  }

  onReturn(): void {
    this.#missed = true;
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#listening?.[Symbol.asyncDispose]();
  }

  #wake(): void {
    if (!this.#working) void this.#work();
  }

  /** Tells of changes until there is nothing left to look at. */
  async #work(): Promise<void> {
    const { onChange, logger } = this.#options;
    const { signal } = this.#ending;
    this.#working = true;
    try {
      while (!signal.aborted && (this.#missed || this.#touched.size > 0)) {
        const items = await this.#changes();
        if (signal.aborted || Object.keys(items).length === 0) continue;
        try {
          await onChange(items);
        } catch (error) {
          logger.error(`a change of ${Object.keys(items).join(', ')} could not be told: ${errorMessage(error)}`);
        }
      }
    } finally {
      this.#working = false;
    }
  }

  /** What is not as it was known. Never rejects: what cannot be read now is looked at again. */
  async #changes(): Promise<ConfigurationItems> {
    const { connection, events, keys, logger } = this.#options;
    const { signal } = this.#ending;
    const wasMissed = this.#missed;
    const touched = wasMissed ? keys : [...this.#touched];
    this.#missed = false;
    this.#touched.clear();
    try {
      if (wasMissed) {
        await connection.ready(signal);
        await events.turnOn();
      }
      return this.#learn(touched, await storedTexts(connection, touched, signal));
    } catch (error) {
      if (signal.aborted) return {};
      this.#missed = true;
      logger.warn(`looking for changed configuration failed, and is tried again: ${errorMessage(error)}`);
      await sleep(retryPause, signal).catch(() => {});
      return {};
    }
  }

  /** Takes over what the store holds for `keys`, or all of it, and gives what is not as before. */
  #learn(keys: readonly string[] | undefined, texts: ReadonlyMap<string, string>): ConfigurationItems {
    const known = this.#known;
    const changed: [string, ConfigurationItem][] = [];
    for (const key of keys ?? new Set([...known.keys(), ...texts.keys()])) {
      const text = texts.get(key);
      if (text === known.get(key)) continue;
      if (text === undefined) known.delete(key);
      else known.set(key, text);
      changed.push([key, text === undefined ? deletedItem : itemOf(text)]);
    }
    return Object.fromEntries(changed);
  }
}
