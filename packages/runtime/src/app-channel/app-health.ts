import { abortable, errorMessage, type Logger, sleep } from '@outrigger/core';

import type { AppChannel } from './app-channel.ts';

export interface AppHealthOptions {
  readonly channel: AppChannel;
  /** Between the starts of two probes. */
  readonly intervalMs: number;
  /** Of one probe; at most the interval. */
  readonly timeoutMs: number;
  /** Consecutive failures that make the app unhealthy; one success makes it healthy. */
  readonly threshold: number;
  /** Told each change; the next probe waits for it. What it throws is logged. The signal aborts when watching ends. */
  readonly onChange: (healthy: boolean, signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** Watches the app with probes. It counts as unhealthy until the first probe succeeds. */
export class AppHealth implements AsyncDisposable {
  readonly #options: AppHealthOptions;
  readonly #stopped = new AbortController();
  readonly #firstHealthy = Promise.withResolvers<void>();
  readonly #watching: Promise<void>;
  /** Resolved while the app counts as unhealthy. */
  #unhealthy = Promise.withResolvers<void>();
  #healthy = false;

  constructor(options: AppHealthOptions) {
    this.#options = options;
    this.#unhealthy.resolve();
    this.#watching = this.#watch();
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** Resolves once the app was healthy for the first time and `onChange` has dealt with it. Rejects on abort. */
  firstHealthy(signal: AbortSignal): Promise<void> {
    return abortable(this.#firstHealthy.promise, signal);
  }

  /** Resolves once the app counts as unhealthy, at once when it does now. Rejects on abort. */
  unhealthy(signal: AbortSignal): Promise<void> {
    return abortable(this.#unhealthy.promise, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { intervalMs, threshold } = this.#options;
    const { signal } = this.#stopped;
    for (let failures = 0; !signal.aborted;) {
      const startedAt = performance.now();
      const succeeded = await this.#probe();
      if (signal.aborted) return;
      failures = succeeded ? 0 : failures + 1;
      if (succeeded) await this.#become(true);
      else if (failures >= threshold) await this.#become(false);
      try {
        await sleep(Math.max(0, intervalMs - (performance.now() - startedAt)), signal);
      } catch {
        return; // stopped
      }
    }
  }

  async #probe(): Promise<boolean> {
    const { channel, timeoutMs } = this.#options;
    try {
      return await channel.probe(AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(timeoutMs)]));
    } catch {
      return false; // the time was up, or watching ends
    }
  }

  async #become(healthy: boolean): Promise<void> {
    if (this.#healthy === healthy) return;
    this.#healthy = healthy;
    if (healthy) this.#unhealthy = Promise.withResolvers();
    else this.#unhealthy.resolve();
    const { logger, onChange } = this.#options;
    if (healthy) logger.info('app health: the app is healthy');
    else logger.warn('app health: the app is unhealthy');
    try {
      await onChange(healthy, this.#stopped.signal);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      logger.error(`reacting to a change of the app's health failed: ${errorMessage(error)}`);
    }
    if (healthy) this.#firstHealthy.resolve();
  }
}
