import { type CircuitCounts } from '@outrigger/core';

import { type Position, type Resource } from './resource.ts';

/** Inclusive ranges of status codes: `[[429, 429], [500, 599]]`. */
export type CodeRanges = readonly (readonly [from: number, to: number])[];

export interface RetrySpec {
  readonly policy: 'constant' | 'exponential';
  /** Milliseconds. */
  readonly duration?: number;
  /** Milliseconds. */
  readonly maxInterval?: number;
  /** -1: no limit. */
  readonly maxRetries: number;
  /** Absent: any failing code is tried again. */
  readonly httpStatusCodes?: CodeRanges;
  readonly grpcStatusCodes?: CodeRanges;
}

export interface CircuitBreakerSpec {
  readonly maxRequests?: number;
  /** Milliseconds. */
  readonly interval?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  /** The compiled `trip` expression. */
  readonly trip?: (counts: CircuitCounts) => boolean;
}

/** The names of the policies that a target uses; an absent one leaves room for a default policy. */
export interface TargetSpec extends Position {
  readonly timeout?: string;
  readonly retry?: string;
  readonly circuitBreaker?: string;
  readonly circuitBreakerCacheSize?: number;
}

export interface ActorTargetSpec extends TargetSpec {
  readonly circuitBreakerScope?: 'type' | 'id' | 'both';
}

export interface ComponentTargetSpec {
  readonly outbound?: TargetSpec;
  readonly inbound?: TargetSpec;
}

/** `kind: Resiliency`, validated. */
export interface ResiliencyResource extends Resource {
  /** Milliseconds by name. */
  readonly timeouts: ReadonlyMap<string, number>;
  readonly retries: ReadonlyMap<string, RetrySpec>;
  readonly circuitBreakers: ReadonlyMap<string, CircuitBreakerSpec>;
  readonly apps: ReadonlyMap<string, TargetSpec>;
  readonly actors: ReadonlyMap<string, ActorTargetSpec>;
  readonly components: ReadonlyMap<string, ComponentTargetSpec>;
}
