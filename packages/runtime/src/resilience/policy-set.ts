import {
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type Logger,
  type Retry,
  retry,
  type Timeout,
  timeout,
} from '@outrigger/core';

import type { Problems } from '../resources/problems.ts';
import type { CodeRanges, ResiliencyResource, RetrySpec, TargetSpec } from '../resources/resiliency-resource.ts';
import { compileTrip, tripProblem } from './trip.ts';

/** The three policies that a target is made of, by name; each may be missing. */
export type PolicyNames = Pick<TargetSpec, 'timeout' | 'retry' | 'circuitBreaker'>;

export interface NamedRetry {
  readonly retry: Retry;
  readonly httpStatusCodes?: CodeRanges;
  readonly grpcStatusCodes?: CodeRanges;
}

const builtIn: Readonly<Record<string, Retry>> = {
  DaprBuiltInServiceRetries: retry({ duration: 1000, maxRetries: 3 }),
  DaprBuiltInActorRetries: retry({ duration: 1000, maxRetries: 3 }),
  DaprBuiltInActorReminderRetries: retry({ policy: 'exponential' }),
  DaprBuiltInActorNotFoundRetries: retry({ duration: 1000, maxRetries: 5 }),
  DaprBuiltInInitializationRetries: retry({
    policy: 'exponential',
    maxInterval: 1000,
    maxRetries: 3,
    maxElapsed: 10_000,
  }),
};

const notOverridable = 'DaprBuiltInActorNotFoundRetries';

/** The policies of all Resiliency resources by name, built-in ones among them; of two with one name the later one counts. */
export class PolicySet {
  readonly retries = new Map<string, NamedRetry>(Object.entries(builtIn).map(([name, one]) => [name, { retry: one }]));
  readonly #timeouts = new Map<string, Timeout>();
  readonly #breakers = new Map<string, CircuitBreakerOptions>();

  /** Expressions that do not compile go to `problems`. */
  async add(resource: ResiliencyResource, problems: Problems): Promise<void> {
    const owner = `Resiliency "${resource.name}"`;
    for (const [name, milliseconds] of resource.timeouts) {
      // 0 means no limit
      if (milliseconds > 0) this.#timeouts.set(name, timeout(Math.max(milliseconds, 1)));
      else this.#timeouts.delete(name);
    }
    for (const [name, spec] of resource.retries) {
      if (name === notOverridable) {
        problems.warn({
          ...place(resource),
          resource: owner,
          message: `${name} cannot be overridden; what the resource says of it is ignored`,
        });
        continue;
      }
      const short = name in builtIn && spec.maxRetries >= 0 && spec.maxRetries < 3;
      if (short)
        problems.warn({ ...place(resource), resource: owner, message: `${name} needs at least 3 retries; 3 are made` });
      this.retries.set(name, namedRetry(short ? { ...spec, maxRetries: 3 } : spec));
    }
    for (const [name, { trip, file, line, ...options }] of resource.circuitBreakers) {
      try {
        this.#breakers.set(name, trip === undefined ? options : { ...options, trip: await compileTrip(trip) });
      } catch (error) {
        problems.error({
          file,
          line,
          resource: owner,
          message: `circuitBreakers.${name}: ${tripProblem(trip ?? '', error)}`,
        });
      }
    }
  }

  timeout(name: string | undefined): Timeout | undefined {
    return name === undefined ? undefined : this.#timeouts.get(name);
  }

  retry(name: string | undefined): NamedRetry | undefined {
    return name === undefined ? undefined : this.retries.get(name);
  }

  /** A breaker of its own with the settings of that name; its changes are logged under `target`. */
  newBreaker(name: string | undefined, target: string, logger: Logger): CircuitBreaker | undefined {
    const options = name === undefined ? undefined : this.#breakers.get(name);
    if (options === undefined) return undefined;
    return circuitBreaker({
      ...options,
      onStateChange: (from, to) => logger.info(`circuit breaker ${name} of ${target} changed from ${from} to ${to}`),
    });
  }

  /** Reports names that no policy has; such a name is ignored, as in Dapr. */
  check(
    { timeout: limit, retry: again, circuitBreaker: breaker, file, line }: TargetSpec,
    resource: string,
    problems: Problems,
  ): void {
    const missing = [
      ...(limit !== undefined && !this.#timeouts.has(limit) ? [`timeout "${limit}"`] : []),
      ...(again !== undefined && !this.retries.has(again) ? [`retry "${again}"`] : []),
      ...(breaker !== undefined && !this.#breakers.has(breaker) ? [`circuitBreaker "${breaker}"`] : []),
    ];
    for (const name of missing)
      problems.warn({ file, line, resource, message: `there is no policy ${name}; the target does without it` });
  }

  /**
   * The default policies for a target without an entry of its own: for each kind the first of `levels` for which there is
   * `Default<level>RetryPolicy` and so on, from the narrowest to the widest.
   */
  defaults(levels: readonly string[]): PolicyNames {
    const first = (suffix: string, exists: (name: string) => boolean) =>
      [...levels, ''].map((level) => `Default${level}${suffix}Policy`).find(exists);
    const limit = first('Timeout', (name) => this.#timeouts.has(name));
    const again = first('Retry', (name) => this.retries.has(name));
    const breaker = first('CircuitBreaker', (name) => this.#breakers.has(name));
    return {
      ...(limit && { timeout: limit }),
      ...(again && { retry: again }),
      ...(breaker && { circuitBreaker: breaker }),
    };
  }
}

function place({ file, line }: ResiliencyResource) {
  return { file, line };
}

function namedRetry({ httpStatusCodes, grpcStatusCodes, ...options }: RetrySpec): NamedRetry {
  return {
    retry: retry(options),
    ...(httpStatusCodes && { httpStatusCodes }),
    ...(grpcStatusCodes && { grpcStatusCodes }),
  };
}
