import { inRange } from './in-range.ts';

/**
 * One link of a chain of waits. Links never change, so one chain serves any number of calls at the same time; each call
 * keeps only the link it has come to.
 */
export interface Backoff {
  /** The wait in milliseconds before randomness. */
  readonly interval: number;
  /** The wait in whole milliseconds to take now; drawn anew with every call where the chain is random. */
  delay(): number;
  /** The link for the wait after this one; the last link of a chain gives itself. */
  next(): Backoff;
}

/**
 * The same wait each time.
 *
 * @example
 * constantBackoff(5000).next().next().delay(); // 5000
 *
 * @param interval milliseconds, 0 or more
 */
export function constantBackoff(interval: number): Backoff {
  inRange('duration', interval, 0);
  const link: Backoff = { interval, delay: () => interval, next: () => link };
  return link;
}

export interface ExponentialBackoffOptions {
  /** The first wait in milliseconds. Default 500. */
  readonly initialInterval?: number;
  /** What each wait is multiplied by to give the next, 1 or more. Default 1.5. */
  readonly multiplier?: number;
  /** Where a wait stops growing, in milliseconds, before randomness. Default 60 000. */
  readonly maxInterval?: number;
  /** From 0 to 1: how far a wait may lie from its interval, as a share of it. Default 0.5: 500 ms becomes 250 to 750. */
  readonly randomizationFactor?: number;
}

/**
 * Waits that grow up to a limit, with randomness so that callers who failed together do not come back together.
 *
 * @example
 * const first = exponentialBackoff({ randomizationFactor: 0 });
 * first.delay(); // 500
 * first.next().delay(); // 750
 */
export function exponentialBackoff(options: ExponentialBackoffOptions = {}): Backoff {
  const maxInterval = inRange('maxInterval', options.maxInterval ?? 60_000, 0);
  return new Exponential(Math.min(inRange('initialInterval', options.initialInterval ?? 500, 0), maxInterval), {
    multiplier: inRange('multiplier', options.multiplier ?? 1.5, 1),
    maxInterval,
    randomizationFactor: inRange('randomizationFactor', options.randomizationFactor ?? 0.5, 0, 1),
  });
}

class Exponential implements Backoff {
  readonly interval: number;
  readonly #growth: Required<Omit<ExponentialBackoffOptions, 'initialInterval'>>;
  #next: Backoff | undefined;

  constructor(interval: number, growth: Required<Omit<ExponentialBackoffOptions, 'initialInterval'>>) {
    this.interval = interval;
    this.#growth = growth;
  }

  delay(): number {
    const spread = this.interval * this.#growth.randomizationFactor;
    return Math.round(this.interval + spread * (2 * Math.random() - 1));
  }

  /** Links are made when first asked for and then kept: a chain has some ten of them, shared by all calls. */
  next(): Backoff {
    this.#next ??= this.#grown();
    return this.#next;
  }

  #grown(): Backoff {
    const interval = Math.min(this.interval * this.#growth.multiplier, this.#growth.maxInterval);
    return interval === this.interval ? this : new Exponential(interval, this.#growth);
  }
}
