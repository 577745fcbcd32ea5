import { type Logger, nearestName } from '@outrigger/core';

import type { SubscriptionSpec } from '../app-channel/app-channel.ts';
import { describeProblem } from '../resources/problems.ts';
import type { SubscriptionResource } from '../resources/subscription-resource.ts';
import type { Broker } from './pubsub-broker.ts';

/** A subscription of a resource, with where it stands. */
export type DeclaredSubscription = Pick<SubscriptionResource, 'file' | 'line' | 'name' | 'spec'>;

/** A subscription that is to run. */
export interface WantedSubscription {
  readonly spec: SubscriptionSpec;
  readonly type: 'DECLARATIVE' | 'PROGRAMMATIC';
  /** A message about it, with the place of its resource before it. */
  readonly about: (message: string) => string;
}

/** One text for each topic of each pub/sub component. */
export function keyOf({ pubsubName, topic }: { readonly pubsubName: string; readonly topic: string }): string {
  return JSON.stringify([pubsubName, topic]);
}

/** Per pubsub and topic: the first resource counts, and what the app declares replaces it. What is left out is logged. */
export function planSubscriptions(
  declared: readonly DeclaredSubscription[],
  programmatic: readonly SubscriptionSpec[],
  { isPathOptional, logger }: { readonly isPathOptional: boolean; readonly logger: Logger },
): Map<string, WantedSubscription> {
  const wanted = new Map<string, WantedSubscription>();
  for (const resource of declared) {
    const { spec } = resource;
    const about = (message: string): string =>
      describeProblem({ ...resource, resource: `Subscription "${resource.name}"`, message });
    const first = wanted.get(keyOf(spec));
    if (first === undefined) wanted.set(keyOf(spec), { spec, type: 'DECLARATIVE', about });
    else {
      logger.warn(
        about(
          `is not used, since topic ${spec.topic} on pubsub ${spec.pubsubName} has a subscription already: ` +
            `${first.about('this one')}; remove one of them, or put the routes of both into one`,
        ),
      );
    }
  }
  for (const spec of programmatic) {
    wanted.set(keyOf(spec), { spec, type: 'PROGRAMMATIC', about: (message) => message });
  }
  for (const [key, { spec, about }] of wanted) {
    if (spec.rules.some(({ path }) => path !== '' || isPathOptional)) continue;
    logger.warn(
      about(`the subscription to topic ${spec.topic} on pubsub ${spec.pubsubName} has no route and is left out`),
    );
    wanted.delete(key);
  }
  return wanted;
}

/** A Component resource, whether it runs or not. */
export interface DeclaredComponent {
  readonly name: string;
  readonly type: string;
}

/** Why there is no pub/sub component of a name, and what to do. */
export function missingBroker(
  name: string,
  brokers: ReadonlyMap<string, Broker>,
  components: readonly DeclaredComponent[],
): string {
  const same = components.find((one) => one.name === name);
  if (same !== undefined && !same.type.startsWith('pubsub.')) {
    return `the component "${name}" is a ${same.type}, not a pub/sub component`;
  }
  if (same !== undefined) return `the pub/sub component "${name}" (${same.type}) did not start; the log says why`;
  const near = nearestName(name, [...brokers.keys()]);
  const known = brokers.size === 0 ? 'none is' : `loaded: ${[...brokers.keys()].join(', ')}`;
  return (
    `no pub/sub component of that name is loaded for this app (${known}); ` +
    (near === undefined ? 'add a Component of that name, or name another in pubsubname' : `did you mean ${near}?`)
  );
}
