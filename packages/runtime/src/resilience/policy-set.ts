import { type Retry, retry, type Timeout, timeout } from '@outrigger/core';

import type { Problems } from '../resources/problems.ts';
import type { CodeRanges, ResiliencyResource, RetrySpec, TargetSpec } from '../resources/resiliency-resource.ts';
import type { BreakerSettings } from './breakers.ts';
import type { PolicyOwner } from './target-events.ts';
import { compileTrip, tripProblem } from './trip.ts';

/** The three policies that a target is made of, by name; each may be missing. */
export type PolicyNames = Pick<TargetSpec, 'timeout' | 'retry' | 'circuitBreaker'>;

export interface NamedRetry {
  readonly owner: PolicyOwner;
  readonly retry: Retry;
  readonly httpStatusCodes?: CodeRanges;
  readonly grpcStatusCodes?: CodeRanges;
}

export interface NamedTimeout {
  readonly owner: PolicyOwner;
  readonly timeout: Timeout;
}

export interface NamedBreaker {
  readonly owner: PolicyOwner;
  readonly settings: BreakerSettings;
}

const nobody: PolicyOwner = { name: '', namespace: '' };

const builtIn = {
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

export type BuiltInRetry = keyof typeof builtIn;

const notOverridable = 'DaprBuiltInActorNotFoundRetries';

/** The policies of all Resiliency resources by name, built-in ones among them; of two with one name the later one counts. */
export class PolicySet {
  readonly #retries = new Map<string, NamedRetry>(
    Object.entries(builtIn).map(([name, one]) => [name, { owner: nobody, retry: one }]),
  );
  readonly #timeouts = new Map<string, NamedTimeout>();
  readonly #breakers = new Map<string, NamedBreaker>();

  /** Expressions that do not compile go to `problems`. */
  async add(resource: ResiliencyResource, problems: Problems): Promise<void> {
    const owner: PolicyOwner = { name: resource.name, namespace: resource.namespace };
    const described = `Resiliency "${resource.name}"`;
    for (const [name, milliseconds] of resource.timeouts) {
      // 0 means no limit
      if (milliseconds > 0) this.#timeouts.set(name, { owner, timeout: timeout(Math.max(milliseconds, 1)) });
      else this.#timeouts.delete(name);
    }
    for (const [name, spec] of resource.retries) {
      if (name === notOverridable) {
        problems.warn({
          ...place(resource),
          resource: described,
          message: `${name} cannot be overridden; what the resource says of it is ignored`,
        });
        continue;
      }
      // as in Dapr also where it is left out, so that nobody waits for ever by mistake
      const isShort = name in builtIn && spec.maxRetries < 3;
      if (isShort)
        problems.warn({
          ...place(resource),
          resource: described,
          message: `${name} needs a maxRetries of at least 3; 3 are made`,
        });
      this.#retries.set(name, namedRetry(owner, isShort ? { ...spec, maxRetries: 3 } : spec));
    }
    for (const [name, { trip, file, line, ...options }] of resource.circuitBreakers) {
      try {
        const identity = JSON.stringify([owner, name, options, trip]);
        const settings = {
          options: trip === undefined ? options : { ...options, trip: await compileTrip(trip) },
          identity,
        };
        this.#breakers.set(name, { owner, settings });
      } catch (error) {
        problems.error({
          file,
          line,
          resource: described,
          message: `circuitBreakers.${name}: ${tripProblem(trip ?? '', error)}`,
        });
      }
    }
  }

  timeout(name: string | undefined): NamedTimeout | undefined {
    return name === undefined ? undefined : this.#timeouts.get(name);
  }

  retry(name: string | undefined): NamedRetry | undefined {
    return name === undefined ? undefined : this.#retries.get(name);
  }

  breaker(name: string | undefined): NamedBreaker | undefined {
    return name === undefined ? undefined : this.#breakers.get(name);
  }

  /** One of the built-in retries as it is now. */
  builtIn(name: BuiltInRetry): Retry {
    return (this.#retries.get(name) ?? { retry: builtIn[name] }).retry;
  }

  /** Reports names that no policy has; such a name is ignored, as in Dapr. */
  check(
    { timeout: limit, retry: again, circuitBreaker: breaker, file, line }: TargetSpec,
    resource: string,
    problems: Problems,
  ): void {
    const missing = [
      ...(limit !== undefined && !this.#timeouts.has(limit) ? [`timeout "${limit}"`] : []),
      ...(again !== undefined && !this.#retries.has(again) ? [`retry "${again}"`] : []),
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
    const again = first('Retry', (name) => this.#retries.has(name));
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

function namedRetry(owner: PolicyOwner, { httpStatusCodes, grpcStatusCodes, ...options }: RetrySpec): NamedRetry {
  return {
    owner,
    retry: retry(options),
    ...(httpStatusCodes && { httpStatusCodes }),
    ...(grpcStatusCodes && { grpcStatusCodes }),
  };
}
