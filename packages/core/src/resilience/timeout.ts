import { inRange } from './in-range.ts';
import { longestTimer } from './sleep.ts';

const brand: unique symbol = Symbol.for('outrigger.TimeoutError') as never;

/** An attempt took too long. Whether the other side did the work is unknown. */
export class TimeoutError extends Error {
  readonly [brand] = true;
  /** Milliseconds the attempt was given. */
  readonly duration: number;

  constructor(duration: number) {
    super(`timed out after ${duration} ms`);
    this.name = 'TimeoutError';
    this.duration = duration;
  }

  /** Recognises errors of this class by brand, so that two copies of this package still meet. */
  static is(this: void, error: unknown): error is TimeoutError {
    return typeof error === 'object' && error !== null && brand in error;
  }
}

/** How long one attempt may take. Holds no state: one may stand in any number of policies. */
export interface Timeout {
  readonly kind: 'timeout';
  /** Milliseconds. */
  readonly duration: number;
}

/**
 * Limits each attempt. When the time is up the attempt's signal aborts with a {@link TimeoutError}, and the attempt rejects
 * with it at once, whether or not the call heeds its signal. What such a call settles to later is dropped.
 *
 * @example
 * policy([timeout(2000)]).execute((signal) => fetch(url, { signal }), signal);
 *
 * @param duration milliseconds, at least 1; for no limit leave the timeout out
 * @throws RangeError
 */
export function timeout(duration: number): Timeout {
  return { kind: 'timeout', duration: inRange('timeout', duration, 1) };
}

/** A call that a policy may make more than once. `attempt` counts from 1; `signal` is to be heeded until the call settles. */
export type Call<T> = (signal: AbortSignal, attempt: number) => Promise<T>;

export interface TimeoutEvent {
  /** Counted from 1. */
  readonly attempt: number;
  /** Milliseconds the attempt was given. */
  readonly duration: number;
}

/** A timeout as one policy applies it; made once, so that an attempt hands over one reference. */
export interface TimeLimit<R> {
  readonly duration: number;
  /** Takes a result that came after the attempt was over. */
  readonly discard: ((result: R) => void) | undefined;
  readonly onTimeout: ((event: TimeoutEvent) => void) | undefined;
}

/** Runs one attempt under a signal of its own, which aborts when the time is up or when `signal` does. Leaves no timer behind. */
export function callWithin<T extends R, R>(
  limit: TimeLimit<R>,
  call: Call<T>,
  signal: AbortSignal,
  attempt: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const controller = new AbortController();
    let over = false;
    const end = (): void => {
      over = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const giveUp = (reason: Error): void => {
      end();
      reject(reason);
      controller.abort(reason);
    };
    const onAbort = (): void => giveUp(signal.reason as Error);
    const onResult = (result: T): void => {
      if (over) {
        limit.discard?.(result);
        return;
      }
      end();
      resolve(result);
    };
    const onError = (error: Error): void => {
      if (over) return;
      end();
      reject(error);
    };
    const timer = setTimeout(
      () => {
        limit.onTimeout?.({ attempt, duration: limit.duration });
        giveUp(new TimeoutError(limit.duration));
      },
      Math.min(limit.duration, longestTimer),
    );
    signal.addEventListener('abort', onAbort);
    try {
      call(controller.signal, attempt).then(onResult, onError);
    } catch (error) {
      onError(error as Error);
    }
  });
}
