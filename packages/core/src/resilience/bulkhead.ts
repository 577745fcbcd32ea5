import { inRange } from './in-range.ts';

const brand: unique symbol = Symbol.for('outrigger.BulkheadFullError') as never;

/** All places and the whole queue of a bulkhead are taken; nothing was sent. */
export class BulkheadFullError extends Error {
  readonly [brand] = true;

  constructor(maxConcurrent: number, maxQueue: number) {
    super(`bulkhead is full: ${maxConcurrent} calls running, ${maxQueue} waiting`);
    this.name = 'BulkheadFullError';
  }

  /** Recognises errors of this class by brand, so that two copies of this package still meet. */
  static is(this: void, error: unknown): error is BulkheadFullError {
    return typeof error === 'object' && error !== null && brand in error;
  }
}

export interface BulkheadOptions {
  /** Calls that may run at the same time, 1 or more. */
  readonly maxConcurrent: number;
  /** Calls that may wait for a place, first come first served. Default 0: none. */
  readonly maxQueue?: number;
}

/**
 * Limits how many calls run at the same time. Holds state: the policies it stands in share its places.
 *
 * @example
 * policy([bulkhead({ maxConcurrent: 10, maxQueue: 100 })]);
 *
 * @throws RangeError for an option outside its range
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new Bulkhead(options);
}

export class Bulkhead {
  readonly kind = 'bulkhead';
  readonly #maxConcurrent: number;
  readonly #maxQueue: number;
  /** In the order of arrival; a Set, so that one that gives up leaves the middle at no cost. */
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(options: BulkheadOptions) {
    this.#maxConcurrent = inRange('maxConcurrent', options.maxConcurrent, 1);
    this.#maxQueue = inRange('maxQueue', options.maxQueue ?? 0, 0);
  }

  /** Calls that hold a place. */
  get running(): number {
    return this.#running;
  }

  /** Calls that wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes a place, to be given back by {@link leave}: at once when the answer is `undefined`, else when the promise resolves.
   * The promise rejects with the signal's reason on abort, and then no place is held. Throws {@link BulkheadFullError}.
   */
  enter(signal: AbortSignal): Promise<void> | undefined {
    if (this.#running < this.#maxConcurrent) {
      this.#running++;
      return undefined;
    }
    if (this.#waiting.size >= this.#maxQueue) throw new BulkheadFullError(this.#maxConcurrent, this.#maxQueue);
    return this.#wait(signal);
  }

  /** Gives a place back, to the one who has waited longest. */
  leave(): void {
    const [longest] = this.#waiting;
    if (longest === undefined) this.#running--;
    else longest();
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#waiting.delete(takePlace);
        reject(signal.reason as Error);
      };
      const takePlace = (): void => {
        this.#waiting.delete(takePlace);
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#waiting.add(takePlace);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
