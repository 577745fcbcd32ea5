import type { StateItem } from '@outrigger/core';

const interval = 1000;
const keysPerTurn = 10_000;

/**
 * Frees the memory of expired items about once a second, a limited number at a time; reading does not depend on it. Its timer
 * runs only while something can expire, and never keeps the process alive.
 */
export class ExpiryPurge {
  readonly #items: Map<string, StateItem>;
  readonly #watched = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #next = this.#watched.values();

  constructor(items: Map<string, StateItem>) {
    this.#items = items;
  }

  watch(key: string): void {
    this.#watched.add(key);
    this.#timer ??= setInterval(this.#purge, interval).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  readonly #purge = (): void => {
    const now = Date.now();
    for (let turn = 0; turn < keysPerTurn; turn++) {
      const { value: key, done } = this.#next.next();
      if (done || key === undefined) {
        this.#next = this.#watched.values();
        break;
      }
      const expiry = this.#items.get(key)?.expiresAt?.getTime();
      if (expiry !== undefined && expiry > now) continue;
      if (expiry !== undefined) this.#items.delete(key);
      this.#watched.delete(key);
    }
    if (this.#watched.size === 0) this.stop();
  };
}
