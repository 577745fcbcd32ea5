import { type Backoff, constantBackoff, exponentialBackoff, type ExponentialBackoffOptions } from './backoff.ts';
import { inRange } from './in-range.ts';

export interface RetryOptions extends ExponentialBackoffOptions {
  /** `constant` (default) waits `duration` each time; `exponential` takes the four options of {@link exponentialBackoff}. */
  readonly policy?: 'constant' | 'exponential';
  /** Milliseconds between attempts when the policy is `constant`. Default 5000. */
  readonly duration?: number;
  /** Attempts after the first one. -1 (default): as many as it takes. 0: none. */
  readonly maxRetries?: number;
  /**
   * Milliseconds since the first attempt began after which none is started any more; a wait that would end later is not
   * begun. 0: no limit. Default 15 minutes when the policy is `exponential`, else no limit.
   */
  readonly maxElapsed?: number;
  /** Asked for each error that could be retried: `false` ends the call with it. Default: all are. Must not throw. */
  readonly retryable?: (error: unknown) => boolean;
}

/** When to try again, and for how long. Holds no state: one may stand in any number of policies. */
export interface Retry {
  readonly kind: 'retry';
  readonly backoff: Backoff;
  /** Infinity: no limit. */
  readonly maxRetries: number;
  /** Milliseconds; Infinity: no limit. */
  readonly maxElapsed: number;
  readonly retryable: ((error: unknown) => boolean) | undefined;
}

/**
 * Repeats a call that fails, with waits between the attempts. Ends with the outcome of the last attempt, whether that is an
 * error or a result that was judged a failure. An abort ends it at once, also in the middle of a wait.
 *
 * @example
 * policy([retry({ policy: 'exponential', maxRetries: 5 })]);
 *
 * @throws RangeError for an option outside its range
 */
export function retry(options: RetryOptions = {}): Retry {
  const exponential = options.policy === 'exponential';
  const maxRetries = inRange('maxRetries', options.maxRetries ?? -1, -1);
  const maxElapsed = inRange('maxElapsed', options.maxElapsed ?? (exponential ? 15 * 60_000 : 0), 0);
  return {
    kind: 'retry',
    backoff: exponential ? exponentialBackoff(options) : constantBackoff(options.duration ?? 5000),
    maxRetries: maxRetries === -1 ? Infinity : maxRetries,
    maxElapsed: maxElapsed === 0 ? Infinity : maxElapsed,
    retryable: options.retryable,
  };
}
