import type { Subscription } from '@outrigger/core';
import type { Schedule } from './schedule.ts';

/** The longest that a timer of Node.js can wait. */
const longestWait = 2 ** 31 - 1;

/**
 * Calls `tick` at the times of a schedule, each in its own time: one that is slow does not hold up the next. Times that pass
 * while the process sleeps, or while this is paused, are not made up for.
 */
export class Ticker implements Subscription {
  readonly #schedule: Schedule;
  readonly #tick: (time: Date, signal: AbortSignal) => Promise<void>;
  readonly #running = new Set<Promise<void>>();
  // ticks are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  #closed = false;

  /** `tick` never rejects. */
  constructor(schedule: Schedule, tick: (time: Date, signal: AbortSignal) => Promise<void>) {
    this.#schedule = schedule;
    this.#tick = tick;
    this.#waitFor(schedule.next(Date.now()));
  }

  async pause(): Promise<void> {
    this.#paused = true;
  }

  async resume(): Promise<void> {
    this.#paused = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
  }

  #waitFor(due: number | undefined): void {
    if (due === undefined || this.#closed) return;
    const wait = Math.min(Math.max(0, due - Date.now()), longestWait);
    this.#timer = setTimeout(() => this.#wake(due), wait);
  }

  #wake(due: number): void {
    const now = Date.now();
    // a timer may be a little early, and what is far off is waited for in parts
    if (now < due) return this.#waitFor(due);
    if (!this.#paused) this.#run(new Date(now));
    const next = this.#schedule.next(due);
    this.#waitFor(next !== undefined && next <= now ? this.#schedule.next(now) : next);
  }

  #run(time: Date): void {
    const running = this.#tick(time, this.#signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}
