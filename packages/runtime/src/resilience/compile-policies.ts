import {
  type CircuitBreaker,
  type Logger,
  type Policy,
  policy,
  type Retry,
  type Timeout,
  type Verdict,
} from '@outrigger/core';

import { type Metrics, noMetrics } from '../metrics.ts';
import type { Problems } from '../resources/problems.ts';
import type { ResiliencyResource } from '../resources/resiliency-resource.ts';
import { Breakers, type TargetBreakers } from './breakers.ts';
import { componentLabel, levelsOf } from './default-levels.ts';
import { errorJudge, statusJudge } from './judges.ts';
import type { ActorPolicies, CallOutcome, ComponentTarget, Policies } from './policies.ts';
import type { NamedRetry, PolicyNames } from './policy-set.ts';
import { RecentlyUsed } from './recently-used.ts';
import { planResiliency, type ResiliencyPlan } from './resiliency-plan.ts';
import { TargetEvents, type TargetName } from './target-events.ts';

/** Compiles all Resiliency resources, of which later ones win. What is wrong goes to `problems`. */
export async function compilePolicies(
  resources: readonly ResiliencyResource[],
  problems: Problems,
  logger: Logger,
  metrics: Metrics = noMetrics,
): Promise<CompiledPolicies> {
  return new CompiledPolicies(await planResiliency(resources, problems), logger, metrics);
}

/** Callers name targets as they like, so the breakers of those used last are kept. */
const keptTargets = 1000;
const pathsOfApp = 100;
const idsOfActorType = 5000;

/** What one call's policy is made of. */
interface Layers {
  readonly operation: string;
  readonly events: TargetEvents;
  readonly retry: NamedRetry | undefined;
  readonly timeout: Timeout | undefined;
  readonly breaker: CircuitBreaker | undefined;
}

/** The policies of the resources as they were last loaded. */
export class CompiledPolicies implements Policies {
  #plan: ResiliencyPlan;
  #generation = 0;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #breakers: { readonly apps: Breakers; readonly actors: Breakers; readonly components: Breakers };

  constructor(plan: ResiliencyPlan, logger: Logger, metrics: Metrics) {
    this.#plan = plan;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#breakers = {
      apps: new Breakers(logger, keptTargets),
      actors: new Breakers(logger, keptTargets),
      components: new Breakers(logger),
    };
    this.#countLoaded();
  }

  /** From now on these apply. A breaker that is in them with the same settings goes on as it is. */
  replace(plan: ResiliencyPlan): void {
    this.#plan = plan;
    this.#generation++;
    this.#countLoaded();
  }

  #countLoaded(): void {
    for (const { name, namespace } of this.#plan.resources)
      this.#metrics.count('dapr_resiliency_loaded', { name, namespace });
  }

  get generation(): number {
    return this.#generation;
  }

  get serviceRetry(): Retry {
    return this.#plan.policies.builtIn('DaprBuiltInServiceRetries');
  }

  get initializationRetry(): Retry {
    return this.#plan.policies.builtIn('DaprBuiltInInitializationRetries');
  }

  get actorRetry(): Retry {
    return this.#plan.policies.builtIn('DaprBuiltInActorRetries');
  }

  get actorReminderRetry(): Retry {
    return this.#plan.policies.builtIn('DaprBuiltInActorReminderRetries');
  }

  get actorNotFoundRetry(): Retry {
    return this.#plan.policies.builtIn('DaprBuiltInActorNotFoundRetries');
  }

  outbound<R>(component: ComponentTarget, outcome?: CallOutcome<R>): Policy<R> | undefined {
    return this.#component(component, 'outbound', outcome);
  }

  inbound<R>(component: ComponentTarget, outcome?: CallOutcome<R>): Policy<R> | undefined {
    return this.#component(component, 'inbound', outcome);
  }

  app<R>(target: string, outcome: CallOutcome<R> = {}): ((path: string) => Policy<R>) | undefined {
    const spec = this.#plan.apps.get(target);
    const shown = withoutUserInfo(target);
    const { layers, breakersOf } = this.#layers(
      { label: `app_${shown}`, direction: 'outbound' },
      spec ?? this.#plan.policies.defaults(['App']),
    );
    const limit = spec?.circuitBreakerCacheSize ?? pathsOfApp;
    const breakers = breakersOf(this.#breakers.apps, target, limit);
    const policyOf = (name: string, breaker?: CircuitBreaker) =>
      compose({ ...layers, breaker, operation: `endpoint[${name}]` }, outcome);
    if (layers.retry === undefined && breakers === undefined) {
      const shared = policyOf(shown);
      return shared && (() => shared);
    }
    return perKey(
      limit,
      (path) => breakers?.get(path),
      (path, breaker) => policyOf(`${shown}, ${path}`, breaker),
    );
  }

  hasApp(target: string): boolean {
    return this.#plan.apps.has(target);
  }

  actor<R>(type: string, outcome: CallOutcome<R> = {}): ActorPolicies<R> {
    const { actors, policies } = this.#plan;
    const spec = actors.get(type);
    const { layers, breakersOf } = this.#layers(
      { label: `actor_${type}`, direction: 'outbound' },
      spec ?? policies.defaults(['Actor']),
    );
    const inTurn = compose({ ...layers, retry: undefined, breaker: undefined, operation: `actor[${type}]` }, outcome);
    // default policies have no scope: as in Dapr one breaker for all of the type; `both` is per id, as there
    const isPerId = spec?.circuitBreakerScope === 'id' || spec?.circuitBreakerScope === 'both';
    const limit = spec?.circuitBreakerCacheSize ?? idsOfActorType;
    const breakers = breakersOf(this.#breakers.actors, type, limit);
    if (layers.retry === undefined && breakers === undefined) return { beforeTurn: undefined, inTurn };
    const beforeTurn = perKey(
      limit,
      (id) => breakers?.get(isPerId ? `${type}-${id}` : type),
      (id, breaker) => compose({ ...layers, timeout: undefined, breaker, operation: `actor[${type}, ${id}]` }, outcome),
    );
    return { beforeTurn, inTurn };
  }

  #component<R>(
    component: ComponentTarget,
    direction: 'outbound' | 'inbound',
    outcome: CallOutcome<R> = {},
  ): Policy<R> | undefined {
    const { policies, components } = this.#plan;
    const { name, type } = component;
    const spec = components.get(name);
    // A component with an entry of its own has no default policies, not even for the direction it leaves out.
    const names: PolicyNames =
      spec === undefined ? policies.defaults(levelsOf(type, direction)) : (spec[direction] ?? {});
    const { layers, breakersOf } = this.#layers({ label: componentLabel(component), direction }, names);
    // One per component: both directions share it, as in Dapr, where both name the same policy.
    const key = `${names.circuitBreaker}-${name}`;
    const breaker = breakersOf(this.#breakers.components, key, 1)?.get(key);
    return compose(
      { ...layers, breaker, operation: `component[${name}] ${direction === 'outbound' ? 'output' : 'input'}` },
      outcome,
    );
  }

  /** What the names stand for, with one who counts and logs for the target, and a way to its breakers. */
  #layers(target: TargetName, names: PolicyNames) {
    const { policies } = this.#plan;
    const [retry, timeout, breaker] = [
      policies.retry(names.retry),
      policies.timeout(names.timeout),
      policies.breaker(names.circuitBreaker),
    ];
    const owners = { retry: retry?.owner, timeout: timeout?.owner, circuitBreaker: breaker?.owner };
    const events = new TargetEvents(target, owners, this.#metrics, this.#logger);
    const { direction } = target;
    return {
      layers: { events, retry, timeout: timeout?.timeout },
      breakersOf: (all: Breakers, key: string, limit: number): TargetBreakers | undefined =>
        breaker && all.of(key, breaker.settings, { limit, direction, events }),
    };
  }
}

/**
 * The policies of keys that callers choose; those used last are kept. The breaker is asked for with each call, so that one in use is not
 * forgotten, and a policy never holds another one than that.
 */
function perKey<R>(
  limit: number,
  breakerOf: (key: string) => CircuitBreaker | undefined,
  make: (key: string, breaker: CircuitBreaker | undefined) => Policy<R> | undefined,
): (key: string) => Policy<R> {
  // there is a layer at least, and so a policy
  const made = (key: string, breaker: CircuitBreaker | undefined) => ({
    breaker,
    policy: make(key, breaker) as Policy<R>,
  });
  const kept = new RecentlyUsed<ReturnType<typeof made>>(limit);
  return (key) => {
    const breaker = breakerOf(key);
    const entry = kept.get(key, () => made(key, breaker));
    if (entry.breaker !== breaker) Object.assign(entry, made(key, breaker));
    return entry.policy;
  };
}

/** A URL as a target may carry a password, which belongs neither into the log nor into metrics. */
function withoutUserInfo(target: string): string {
  return target.replace(/^(https?:\/\/)[^/?#]*@/i, '$1');
}

function compose<R>(
  { operation, events, retry, timeout, breaker }: Layers,
  outcome: CallOutcome<R>,
): Policy<R> | undefined {
  if (retry === undefined && timeout === undefined && breaker === undefined) return undefined;
  const { statusOf, discard, isFinal } = outcome;
  const judgeStatus = statusJudge(retry);
  const judgeError = errorJudge(outcome, judgeStatus);
  const once = (verdict: Verdict, settled: unknown): Verdict =>
    verdict === 'retryable' && isFinal?.(settled) ? 'failure' : verdict;
  const composed = policy<R>([retry?.retry, breaker, timeout], {
    ...(statusOf && { judgeResult: (result: R) => once(judgeStatus(statusOf(result)), result) }),
    judgeError: (error) => once(judgeError(error), error),
    ...(discard && { discard }),
    onRetry: (event) => events.retrying(operation, event),
    onRecover: (event) => events.recovered(operation, event),
    onTimeout: () => events.timedOut(),
  });
  return events.counted(composed, { retry, timeout, breaker });
}
