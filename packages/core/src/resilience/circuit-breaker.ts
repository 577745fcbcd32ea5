import type Opossum from 'opossum';

import { createCircuit, loadOpossum } from './opossum.ts';
import { longestTimer } from './sleep.ts';

const brand: unique symbol = Symbol.for('outrigger.BrokenCircuitError') as never;

export type CircuitState = 'closed' | 'half-open' | 'open';

/** The breaker did not let the call through; nothing was sent. No retry tries again on it. */
export class BrokenCircuitError extends Error {
  readonly [brand] = true;
  /** `open`: calls are refused for now. `half-open`: as many as allowed are already on trial. */
  readonly state: 'open' | 'half-open';

  constructor(state: 'open' | 'half-open') {
    super(state === 'open' ? 'circuit breaker is open' : 'too many requests');
    this.name = 'BrokenCircuitError';
    this.state = state;
  }

  /** Recognises errors of this class by brand, so that two copies of this package still meet. */
  static is(this: void, error: unknown): error is BrokenCircuitError {
    return typeof error === 'object' && error !== null && brand in error;
  }
}

/** What a breaker has seen since it last changed its state or cleared its counts. */
export interface CircuitCounts {
  readonly requests: number;
  readonly totalSuccesses: number;
  readonly totalFailures: number;
  readonly consecutiveSuccesses: number;
  readonly consecutiveFailures: number;
}

export interface CircuitBreakerOptions {
  /** Calls let through when half-open, and how many successes in a row close the breaker. Default 1, also for 0 or less. */
  readonly maxRequests?: number;
  /** Milliseconds after which a closed breaker clears its counts, again and again. Default 0: never. */
  readonly interval?: number;
  /** Milliseconds an open breaker waits before it is half-open. Default 60 000, also for 0 or less. */
  readonly timeout?: number;
  /** Asked after each failure while closed: `true` opens the breaker. Default: more than 5 failures in a row. Must not throw. */
  readonly trip?: (counts: CircuitCounts) => boolean;
  /** `false`: this error counts as a success. Default: each error that the policy judges a failure is one. Must not throw. */
  readonly isFailure?: (error: unknown) => boolean;
  /** Called after each change of state. Must not throw. */
  readonly onStateChange?: (from: CircuitState, to: CircuitState) => void;
}

/**
 * Stops calls to a target that keeps failing. Holds state: the policies it stands in share it.
 *
 * It behaves as Go's sony/gobreaker, whose settings Dapr exposes: closed; open when `trip` says so; half-open after
 * `timeout`; closed again after `maxRequests` successes in a row, open again on any failure. Each change of state clears the
 * counts and starts a new generation; the result of a call that was let through in an earlier one is not counted.
 *
 * Opossum holds the state, the timer of the open state and the events of its changes. Ours are the counts, the generations
 * and who is let through, because opossum decides by failure rates (see opossum.ts). A breaker that has never opened has no
 * opossum circuit: that is 5 kB less for each of thousands of healthy targets.
 *
 * @example
 * const inventory = circuitBreaker({ trip: (counts) => counts.totalFailures >= 10, timeout: 30_000 });
 * const read = policy([inventory, timeout(500)]);
 * const write = policy([inventory, timeout(5000)]);
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  loadOpossum();
  return new CircuitBreaker(options);
}

export class CircuitBreaker {
  readonly kind = 'circuit-breaker';
  readonly isFailure: ((error: unknown) => boolean) | undefined;
  readonly #maxRequests: number;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #trip: (counts: CircuitCounts) => boolean;
  readonly #onStateChange: ((from: CircuitState, to: CircuitState) => void) | undefined;
  readonly #counts = {
    requests: 0,
    totalSuccesses: 0,
    totalFailures: 0,
    consecutiveSuccesses: 0,
    consecutiveFailures: 0,
  };
  #circuit: Opossum | undefined;
  #lastState: CircuitState = 'closed';
  #generation = 0;
  #clearAfter = Infinity;

  constructor(options: CircuitBreakerOptions) {
    this.isFailure = options.isFailure;
    this.#maxRequests = Math.max(options.maxRequests ?? 1, 1);
    this.#interval = Math.max(options.interval ?? 0, 0);
    this.#timeout = options.timeout !== undefined && options.timeout > 0 ? options.timeout : 60_000;
    this.#trip = options.trip ?? moreThanFiveInARow;
    this.#onStateChange = options.onStateChange;
    this.#startGeneration();
  }

  get state(): CircuitState {
    const circuit = this.#circuit;
    if (circuit === undefined || circuit.closed) return 'closed';
    return circuit.opened ? 'open' : 'half-open';
  }

  /** A copy of the counts as they are now. */
  get counts(): CircuitCounts {
    return { ...this.#counts };
  }

  /**
   * Lets a call through or throws a {@link BrokenCircuitError}. What it gives goes to {@link record}, exactly once, when the
   * outcome is known; a half-open breaker that is owed an outcome lets nobody else through.
   */
  admit(): number {
    const state = this.state;
    if (state === 'open') throw new BrokenCircuitError(state);
    this.#clearWhenDue();
    if (state === 'half-open' && this.#counts.requests >= this.#maxRequests) throw new BrokenCircuitError(state);
    this.#counts.requests++;
    return this.#generation;
  }

  /** Counts the outcome of a call that was let through. `ignored` gives its place back as if it had never been made. */
  record(generation: number, outcome: 'success' | 'failure' | 'ignored'): void {
    this.#clearWhenDue();
    if (generation !== this.#generation) return;
    if (outcome === 'success') this.#succeeded();
    else if (outcome === 'failure') this.#failed();
    else this.#counts.requests--;
  }

  #succeeded(): void {
    const counts = this.#counts;
    counts.totalSuccesses++;
    counts.consecutiveSuccesses++;
    counts.consecutiveFailures = 0;
    if (this.#circuit?.halfOpen && counts.consecutiveSuccesses >= this.#maxRequests) this.#circuit.close();
  }

  #failed(): void {
    const counts = this.#counts;
    counts.totalFailures++;
    counts.consecutiveFailures++;
    counts.consecutiveSuccesses = 0;
    if (this.#circuit?.halfOpen) this.#circuit.open();
    else if (this.#trip(this.counts)) this.#circuitOnFirstUse().open();
  }

  #circuitOnFirstUse(): Opossum {
    if (this.#circuit !== undefined) return this.#circuit;
    const circuit = createCircuit(Math.min(this.#timeout, longestTimer));
    circuit.on('open', () => this.#changed('open'));
    circuit.on('halfOpen', () => this.#changed('half-open'));
    circuit.on('close', () => this.#changed('closed'));
    this.#circuit = circuit;
    return circuit;
  }

  #changed(to: CircuitState): void {
    const from = this.#lastState;
    this.#lastState = to;
    this.#startGeneration();
    this.#onStateChange?.(from, to);
  }

  #clearWhenDue(): void {
    if (this.#clearAfter !== Infinity && performance.now() > this.#clearAfter) this.#startGeneration();
  }

  #startGeneration(): void {
    const counts = this.#counts;
    counts.requests = 0;
    counts.totalSuccesses = 0;
    counts.totalFailures = 0;
    counts.consecutiveSuccesses = 0;
    counts.consecutiveFailures = 0;
    this.#generation++;
    this.#clearAfter = this.#interval > 0 && this.state === 'closed' ? performance.now() + this.#interval : Infinity;
  }
}

function moreThanFiveInARow(counts: CircuitCounts): boolean {
  return counts.consecutiveFailures > 5;
}
