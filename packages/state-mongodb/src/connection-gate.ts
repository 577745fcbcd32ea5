import { type Bulkhead, bulkhead, ComponentError } from '@outrigger/core';
import type { MongoClient } from 'mongodb';

/**
 * As many calls at a time as the client has connections. The client's own queue sends what nobody waits for any more; who gives up
 * here has sent nothing.
 */
export class ConnectionGate {
  readonly #places: Bulkhead;
  readonly #size: number;
  readonly #waitMs: number;
  readonly #address: string;

  /** Takes `maxPoolSize` and `waitQueueTimeoutMS` from the client's options; 0: no limit. */
  constructor({ options }: MongoClient, address: string) {
    this.#size = options.maxPoolSize || Number.MAX_SAFE_INTEGER;
    this.#waitMs = options.waitQueueTimeoutMS;
    this.#address = address;
    this.#places = bulkhead({ maxConcurrent: this.#size, maxQueue: Number.MAX_SAFE_INTEGER });
  }

  /** Rejects with the signal's reason, or with `unavailable` when no place is free in time; nothing was sent then. */
  async run<T>(send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#places.running < this.#size) await this.#places.enter(signal);
    else await this.#wait(signal);
    try {
      signal.throwIfAborted();
      return await send(signal);
    } finally {
      this.#places.leave();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const late = this.#waitMs > 0 ? AbortSignal.timeout(this.#waitMs) : undefined;
    try {
      await this.#places.enter(late ? AbortSignal.any([signal, late]) : signal);
    } catch (error) {
      if (signal.aborted || !late?.aborted) throw error;
      const reason = 'has all its connections in use (maxPoolSize in the connection string)';
      throw new ComponentError('unavailable', `MongoDB at ${this.#address} ${reason}`, { cause: error });
    }
  }
}
