import type { Subscription } from '@outrigger/core';
import type { Schedule } from './schedule.ts';

/** How often the clock is looked at, in milliseconds: timers stand still while the machine sleeps, and clocks are set. */
const longestWait = 60_000;

/**
 * Calls `tick` at the times of a schedule, each in its own time: one that is slow does not hold up the next. Times that pass
 * while the process sleeps, or while this is paused, are not made up for. A clock that is set is followed within a minute.
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
    const now = Date.now();
    const wait = Math.min(Math.max(0, due - now), longestWait);
    this.#timer = setTimeout(() => this.#wake(due, now), wait);
  }

  #wake(due: number, since: number): void {
    const schedule = this.#schedule;
    const now = Date.now();
    // a timer may be a little early; where the clock was set back there are times before the one that was waited for
    if (now < due) return this.#waitFor(now < since ? schedule.next(now) : due);
    if (!this.#paused) this.#run(new Date(now));
    const following = schedule.next(due);
    this.#waitFor(following !== undefined && following <= now ? schedule.next(now) : following);
  }

  #run(time: Date): void {
    const running = this.#tick(time, this.#signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}
