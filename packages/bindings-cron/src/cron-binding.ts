import {
  type BindingEventHandler,
  type Bindings,
  ComponentError,
  type Logger,
  type Subscription,
} from '@outrigger/core';
import type { Schedule } from './schedule.ts';
import { Ticker } from './ticker.ts';

/** An input whose events are the times of a schedule. */
export class CronBinding implements Bindings {
  readonly operations = [];
  readonly #name: string;
  readonly #schedule: Schedule;
  readonly #logger: Logger;
  readonly #tickers = new Set<Ticker>();
  #closed = false;

  constructor(name: string, schedule: Schedule, logger: Logger) {
    this.#name = name;
    this.#schedule = schedule;
    this.#logger = logger;
  }

  async read(handler: BindingEventHandler, signal: AbortSignal): Promise<Subscription> {
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'the binding is closed');
    const { timeZone } = this.#schedule;
    const ticker = new Ticker(this.#schedule, async (time, stopped) => {
      this.#logger.debug(`binding ${this.#name}: the schedule fired`);
      const metadata = { timeZone, readTimeUTC: goTime(time) };
      try {
        await handler({ data: new Uint8Array(), metadata }, stopped);
      } catch {
        // whoever handles it has said why; a time cannot be given back, and the next one comes
      }
    });
    this.#tickers.add(ticker);
    return {
      pause: () => ticker.pause(),
      resume: () => ticker.resume(),
      [Symbol.asyncDispose]: async () => {
        await ticker[Symbol.asyncDispose]();
        this.#tickers.delete(ticker);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#tickers].map((ticker) => ticker[Symbol.asyncDispose]()));
  }
}

/** A time as Go prints it: `2026-01-02 15:04:05.678 +0000 UTC`. */
function goTime(time: Date): string {
  return time
    .toISOString()
    .replace('T', ' ')
    .replace(/\.?0*Z$/, ' +0000 UTC');
}
