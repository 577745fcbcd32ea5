import {
  type CircuitBreaker,
  type ComponentKind,
  judgeError,
  kindOfTypePrefix,
  type Logger,
  type Policy,
  policy,
  type Retry,
  type Verdict,
} from '@outrigger/core';

import type { Problems } from '../resources/problems.ts';
import type {
  CodeRanges,
  ComponentTargetSpec,
  ResiliencyResource,
  TargetSpec,
} from '../resources/resiliency-resource.ts';
import type { CallOutcome, ComponentTarget, Policies } from './policies.ts';
import { type NamedRetry, type PolicyNames, PolicySet } from './policy-set.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Compiles all Resiliency resources, of which later ones win. What is wrong goes to `problems`. */
export async function compilePolicies(
  resources: readonly ResiliencyResource[],
  problems: Problems,
  logger: Logger,
): Promise<Policies> {
  const set = new PolicySet();
  for (const resource of resources) await set.add(resource, problems);
  const apps = new Map<string, TargetSpec>();
  const components = new Map<string, ComponentTargetSpec>();
  for (const resource of resources) {
    const owner = `Resiliency "${resource.name}"`;
    for (const [name, target] of resource.apps) apps.set(name, target);
    for (const [name, target] of resource.components) components.set(name, target);
    const directions = [...resource.components.values()].flatMap(({ outbound, inbound }) => [outbound, inbound]);
    for (const target of [...resource.apps.values(), ...resource.actors.values(), ...directions]) {
      if (target !== undefined) set.check(target, owner, problems);
    }
  }
  return new CompiledPolicies(set, apps, components, logger);
}

/** Callers name targets as they like, so the breakers of those used last are kept. */
const keptTargets = 1000;

class CompiledPolicies implements Policies {
  readonly serviceRetry: Retry;
  readonly initializationRetry: Retry;
  readonly #set: PolicySet;
  readonly #apps: ReadonlyMap<string, TargetSpec>;
  readonly #components: ReadonlyMap<string, ComponentTargetSpec>;
  readonly #logger: Logger;
  readonly #componentBreakers = new Map<string, CircuitBreaker | undefined>();
  readonly #pathBreakers = new RecentlyUsed<RecentlyUsed<CircuitBreaker | undefined>>(keptTargets);

  constructor(
    set: PolicySet,
    apps: ReadonlyMap<string, TargetSpec>,
    components: ReadonlyMap<string, ComponentTargetSpec>,
    logger: Logger,
  ) {
    this.#set = set;
    this.#apps = apps;
    this.#components = components;
    this.#logger = logger;
    this.serviceRetry = this.#builtIn('DaprBuiltInServiceRetries');
    this.initializationRetry = this.#builtIn('DaprBuiltInInitializationRetries');
  }

  outbound<R>(component: ComponentTarget, outcome?: CallOutcome<R>): Policy<R> | undefined {
    return this.#component(component, 'outbound', outcome);
  }

  inbound<R>(component: ComponentTarget, outcome?: CallOutcome<R>): Policy<R> | undefined {
    return this.#component(component, 'inbound', outcome);
  }

  app<R>(target: string, outcome: CallOutcome<R> = {}): ((path: string) => Policy<R>) | undefined {
    const spec = this.#apps.get(target);
    const names: PolicyNames = spec ?? this.#set.defaults(['App']);
    const breakerOf = (path: string) =>
      this.#set.newBreaker(names.circuitBreaker, `app ${target}, ${path}`, this.#logger);
    const shared = this.#compose(names, undefined, outcome);
    if (names.circuitBreaker === undefined || breakerOf('') === undefined) return shared && (() => shared);

    const limit = spec?.circuitBreakerCacheSize ?? 100;
    const known = this.#pathBreakers.get(target, () => new RecentlyUsed<CircuitBreaker | undefined>(limit));
    const policies = new RecentlyUsed<Policy<R>>(limit);
    return (path) =>
      policies.get(
        path,
        () =>
          this.#compose(
            names,
            known.get(path, () => breakerOf(path)),
            outcome,
          ) as Policy<R>,
      );
  }

  #component<R>(
    { name, type }: ComponentTarget,
    direction: 'outbound' | 'inbound',
    outcome: CallOutcome<R> = {},
  ): Policy<R> | undefined {
    const spec = this.#components.get(name);
    // A component with an entry of its own has no default policies, not even for the direction it leaves out.
    const names: PolicyNames =
      spec === undefined ? this.#set.defaults(levelsOf(type, direction)) : (spec[direction] ?? {});
    return this.#compose(names, this.#componentBreaker(name, names.circuitBreaker), outcome);
  }

  /** One per component: both directions share it, as in Dapr. */
  #componentBreaker(component: string, name: string | undefined): CircuitBreaker | undefined {
    if (name === undefined) return undefined;
    if (!this.#componentBreakers.has(component)) {
      this.#componentBreakers.set(component, this.#set.newBreaker(name, `component ${component}`, this.#logger));
    }
    return this.#componentBreakers.get(component);
  }

  #compose<R>(names: PolicyNames, breaker: CircuitBreaker | undefined, outcome: CallOutcome<R>): Policy<R> | undefined {
    const named = this.#set.retry(names.retry);
    const limit = this.#set.timeout(names.timeout);
    if (named === undefined && limit === undefined && breaker === undefined) return undefined;
    const { statusOf, discard, isFinal } = outcome;
    const judgeStatus = statusJudge(named);
    const judgeError = errorJudge(outcome, judgeStatus);
    const once = (verdict: Verdict, settled: unknown): Verdict =>
      verdict === 'retryable' && isFinal?.(settled) ? 'failure' : verdict;
    return policy<R>([named?.retry, breaker, limit], {
      ...(statusOf && { judgeResult: (result: R) => once(judgeStatus(statusOf(result)), result) }),
      judgeError: (error) => once(judgeError(error), error),
      ...(discard && { discard }),
      onRetry: ({ attempt, delay }) =>
        this.#logger.debug(`attempt ${attempt} failed; next one in ${delay} ms`, { retry: names.retry }),
    });
  }

  #builtIn(name: string): Retry {
    const named = this.#set.retry(name);
    if (named === undefined) throw new Error(`the built-in policy ${name} is missing`);
    return named.retry;
  }
}

/** An HTTP status fails outside 2xx and 3xx, a gRPC code other than 0; `matching` says which failures are tried again. */
function statusJudge(named: NamedRetry | undefined): (status: number | undefined) => Verdict {
  return (status) => {
    if (status === undefined) return 'success';
    const isHttp = status >= 100;
    if (isHttp ? status < 400 : status === 0) return 'success';
    const ranges = isHttp ? named?.httpStatusCodes : named?.grpcStatusCodes;
    return ranges === undefined || inRanges(status, ranges) ? 'retryable' : 'failure';
  };
}

function errorJudge<R>(
  { statusOfError }: CallOutcome<R>,
  judgeStatus: (status: number) => Verdict,
): (error: unknown) => Verdict {
  if (statusOfError === undefined) return judgeError;
  return (error) => {
    const status = statusOfError(error);
    return status === undefined ? judgeError(error) : judgeStatus(status);
  };
}

function inRanges(code: number, ranges: CodeRanges): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to);
}

const levelNames: Readonly<Partial<Record<ComponentKind, string>>> = {
  state: 'Statestore',
  pubsub: 'Pubsub',
  bindings: 'Binding',
  secrets: 'Secretstore',
  configuration: 'Configuration',
  lock: 'Lock',
  crypto: 'Crypto',
};

/** From the narrowest to the widest: `StatestoreComponentOutbound`, `StatestoreComponent`, `ComponentOutbound`, `Component`. */
function levelsOf(type: string, direction: 'outbound' | 'inbound'): string[] {
  const side = direction === 'outbound' ? 'Outbound' : 'Inbound';
  const kind = kindOfTypePrefix.get(type.split('.')[0] ?? '');
  const level = kind && levelNames[kind];
  return [...(level === undefined ? [] : [`${level}Component${side}`]), `Component${side}`, 'Component'];
}
