import type { Backoff } from './backoff.ts';
import type { Bulkhead } from './bulkhead.ts';
import { BrokenCircuitError, type CircuitBreaker } from './circuit-breaker.ts';
import type { Retry } from './retry.ts';
import { sleep } from './sleep.ts';
import { type Call, callWithin, type TimeLimit, type Timeout, type TimeoutEvent } from './timeout.ts';
import { judgeError, type Verdict } from './verdict.ts';

/** What a policy is made of; each kind at most once. */
export type PolicyLayer = Retry | CircuitBreaker | Timeout | Bulkhead;

export interface RetryEvent {
  /** The attempt that failed, counted from 1. */
  readonly attempt: number;
  /** Milliseconds until the next one. */
  readonly delay: number;
  /** What the attempt rejected with; `undefined` when its result was judged a failure. */
  readonly error: unknown;
}

export interface RecoveryEvent {
  /** How many were made, the one that succeeded among them; 2 or more. */
  readonly attempts: number;
}

/** How one policy judges outcomes and whom it tells. None of these may throw. */
export interface PolicyOptions<R = unknown> {
  /** What a result means. Default: each is a success. A result is returned to the caller whatever its verdict. */
  readonly judgeResult?: (result: R) => Verdict;
  /** What an error means, a timeout's too. Default: {@link judgeError}. Not asked after the caller's abort: that is `ignored`. */
  readonly judgeError?: (error: unknown) => Verdict;
  /** Takes each result that the caller will not see, one that is retried or came too late, to free what it holds. */
  readonly discard?: (result: R) => void;
  /** Called before each wait for another attempt. */
  readonly onRetry?: (event: RetryEvent) => void;
  /** Called when an attempt after the first one succeeds. */
  readonly onRecover?: (event: RecoveryEvent) => void;
  /** Called when an attempt runs out of time. */
  readonly onTimeout?: (event: TimeoutEvent) => void;
}

/** Takes calls whose results are an `R`. Built once per target, used for any number of calls at the same time. */
export interface Policy<R = unknown> {
  /**
   * Makes the call, as often as the policy says, and settles as its last attempt did. Each attempt's signal aborts with
   * `signal` and when its time is up. Rejects with the signal's reason on abort, {@link BrokenCircuitError} or
   * BulkheadFullError when the call was not let through, TimeoutError when the last attempt ran out of time. Without `signal` nobody
   * can end it early.
   */
  execute<T extends R>(call: Call<T>, signal?: AbortSignal): Promise<T>;
}

/** The policy with no layers: makes the call once and adds nothing. Compare with it to leave even that step out. */
export const noPolicy: Policy = {
  execute: (call, signal = new AbortController().signal) => call(signal, 1),
};

/**
 * Composes layers, in whichever order they are given, to `bulkhead(retry(circuitBreaker(timeout(call))))`: the timeout is per
 * attempt, the breaker counts each attempt, and a call keeps its place in the bulkhead while it waits to try again.
 * `undefined` layers are left out; without any the answer is {@link noPolicy}.
 *
 * Retries end when the breaker is found open after a failed attempt, with that attempt's own outcome; the caller's abort
 * is no failure of the target and is not counted.
 *
 * @example
 * const orders = policy([retry({ maxRetries: 3, duration: 1000 }), circuitBreaker(), timeout(2000)], {
 *   judgeResult: (response: Response) => (response.status < 400 ? 'success' : 'retryable'),
 * });
 * const response = await orders.execute((signal) => fetch(url, { signal }), AbortSignal.timeout(10_000));
 *
 * @throws TypeError for two layers of one kind
 */
export function policy<R = unknown>(
  layers: readonly (PolicyLayer | undefined)[],
  options: PolicyOptions<R> = {},
): Policy<R> {
  const parts: Partial<Parts> = {};
  for (const layer of layers) {
    if (layer === undefined) continue;
    if (parts[layer.kind] !== undefined) throw new TypeError(`policy() was given two layers of the kind ${layer.kind}`);
    Object.assign(parts, { [layer.kind]: layer });
  }
  return Object.keys(parts).length === 0 ? noPolicy : new ComposedPolicy(parts, options);
}

interface Parts {
  retry: Retry;
  'circuit-breaker': CircuitBreaker;
  timeout: Timeout;
  bulkhead: Bulkhead;
}

class ComposedPolicy<R> implements Policy<R> {
  readonly #bulkhead: Bulkhead | undefined;
  readonly #retry: Retry | undefined;
  readonly #breaker: CircuitBreaker | undefined;
  readonly #limit: TimeLimit<R> | undefined;
  readonly #judgeResult: ((result: R) => Verdict) | undefined;
  readonly #judgeError: (error: unknown) => Verdict;
  readonly #discard: ((result: R) => void) | undefined;
  readonly #onRetry: ((event: RetryEvent) => void) | undefined;
  readonly #onRecover: ((event: RecoveryEvent) => void) | undefined;

  constructor(parts: Partial<Parts>, options: PolicyOptions<R>) {
    this.#bulkhead = parts.bulkhead;
    this.#retry = parts.retry;
    this.#breaker = parts['circuit-breaker'];
    this.#limit = parts.timeout && {
      duration: parts.timeout.duration,
      discard: options.discard,
      onTimeout: options.onTimeout,
    };
    this.#judgeResult = options.judgeResult;
    this.#judgeError = options.judgeError ?? judgeError;
    this.#discard = options.discard;
    this.#onRetry = options.onRetry;
    this.#onRecover = options.onRecover;
  }

  execute<T extends R>(call: Call<T>, signal: AbortSignal = new AbortController().signal): Promise<T> {
    return this.#bulkhead === undefined ? this.#call(call, signal) : this.#inBulkhead(this.#bulkhead, call, signal);
  }

  async #inBulkhead<T extends R>(bulkhead: Bulkhead, call: Call<T>, signal: AbortSignal): Promise<T> {
    const wait = bulkhead.enter(signal);
    if (wait !== undefined) await wait;
    try {
      return await this.#call(call, signal);
    } finally {
      bulkhead.leave();
    }
  }

  /** One attempt needs no judge and no loop. */
  #call<T extends R>(call: Call<T>, signal: AbortSignal): Promise<T> {
    if (this.#retry !== undefined || this.#breaker !== undefined) return this.#attempts(call, signal);
    return this.#limit === undefined ? call(signal, 1) : callWithin(this.#limit, call, signal, 1);
  }

  async #attempts<T extends R>(call: Call<T>, signal: AbortSignal): Promise<T> {
    const startedAt = performance.now();
    let backoff = this.#retry?.backoff;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const admission = this.#breaker?.admit();
      let outcome: unknown;
      let threw = false;
      try {
        outcome = await (this.#limit === undefined
          ? call(signal, attempt)
          : callWithin(this.#limit, call, signal, attempt));
      } catch (error) {
        outcome = error;
        threw = true;
      }
      const verdict = this.#settle(outcome, threw, admission, signal);
      const delay = verdict === 'retryable' ? this.#delayAfter(attempt, backoff, startedAt) : undefined;
      if (delay === undefined) {
        if (attempt > 1 && verdict === 'success') this.#onRecover?.({ attempts: attempt });
        if (threw) throw outcome;
        return outcome as T;
      }
      if (!threw) this.#discard?.(outcome as T);
      this.#onRetry?.({ attempt, delay, error: threw ? outcome : undefined });
      await sleep(delay, signal);
      backoff = backoff?.next();
    }
  }

  /** Judges an outcome and tells the breaker; `retryable` is left of the verdict only when another attempt makes sense now. */
  #settle(outcome: unknown, threw: boolean, admission: number | undefined, signal: AbortSignal): Verdict {
    let verdict: Verdict = 'ignored';
    let counted: 'success' | 'failure' | 'ignored' = 'ignored';
    try {
      verdict = threw ? this.#verdictOnError(outcome, signal) : (this.#judgeResult?.(outcome as R) ?? 'success');
      if (verdict === 'success' || verdict === 'ignored') counted = verdict;
      else counted = threw && this.#breaker?.isFailure?.(outcome) === false ? 'success' : 'failure';
    } finally {
      // Also when a judge has thrown: a breaker on trial would wait for this outcome for ever.
      if (admission !== undefined) this.#breaker?.record(admission, counted);
    }
    if (verdict !== 'retryable') return verdict;
    if (signal.aborted || this.#breaker?.state === 'open') return 'failure';
    if (!threw) return verdict;
    const isFinal = BrokenCircuitError.is(outcome) || this.#retry?.retryable?.(outcome) === false;
    return isFinal ? 'failure' : verdict;
  }

  #verdictOnError(error: unknown, signal: AbortSignal): Verdict {
    return signal.aborted ? 'ignored' : this.#judgeError(error);
  }

  /** Milliseconds to wait after this attempt; `undefined` when it was the last. */
  #delayAfter(attempt: number, backoff: Backoff | undefined, startedAt: number): number | undefined {
    if (this.#retry === undefined || backoff === undefined || attempt > this.#retry.maxRetries) return undefined;
    const delay = backoff.delay();
    return performance.now() - startedAt + delay > this.#retry.maxElapsed ? undefined : delay;
  }
}
