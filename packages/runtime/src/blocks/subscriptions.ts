import { ComponentError, errorMessage, type Logger, policy, type Retry, retry, sleep } from '@outrigger/core';

import type { AppChannel, SubscriptionSpec } from '../app-channel/app-channel.ts';
import type { Broker } from './pubsub-broker.ts';
import { TopicSubscription } from './subscription.ts';
import {
  type DeclaredComponent,
  type DeclaredSubscription,
  keyOf,
  missingBroker,
  planSubscriptions,
  type WantedSubscription,
} from './subscription-plan.ts';

export interface SubscriptionsOptions {
  readonly brokers: ReadonlyMap<string, Broker>;
  readonly channel: AppChannel;
  /** From Subscription resources, those of this app only, in the order in which they were loaded. */
  readonly declarative: readonly DeclaredSubscription[];
  /** All Component resources, so that the reason can be told why one is not there. Default: none. */
  readonly components?: readonly DeclaredComponent[];
  readonly logger: Logger;
  /** Around reading what the app subscribes to, which may still be starting. Default: 3 retries within some seconds. */
  readonly initializationRetry?: () => Retry;
}

/** One subscription as `GET /v1.0/metadata` shows it. */
export interface ActiveSubscription {
  readonly pubsubName: string;
  readonly topic: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly rules: readonly { readonly match: string; readonly path: string }[];
  readonly deadLetterTopic: string;
  readonly type: 'DECLARATIVE' | 'PROGRAMMATIC' | 'STREAMING';
}

interface RunningOne {
  readonly subscription: TopicSubscription;
  readonly broker: Broker;
  readonly active: ActiveSubscription;
}

const whileAppStarts = retry({ policy: 'exponential', maxInterval: 1000, maxRetries: 3, maxElapsed: 10_000 });

/** The app's subscriptions: those of resources and those that the app declares itself, merged. */
export class Subscriptions implements AsyncDisposable {
  readonly #options: SubscriptionsOptions;
  /** As the last start has found them. */
  #wanted: ReadonlyMap<string, WantedSubscription> = new Map();
  #declarative: readonly DeclaredSubscription[];
  #components: readonly DeclaredComponent[];
  /** What the app itself wanted when it was last asked; `undefined`: it was not asked yet. */
  #programmatic: readonly SubscriptionSpec[] | undefined;
  #isStarted = false;
  #running: readonly RunningOne[] = [];
  #known: readonly ActiveSubscription[];
  #paused = false;
  /** Aborts with the next stop, by which a start knows that it was overtaken. */
  #stopped = new AbortController();
  /** The same, for one pub/sub component. */
  readonly #stoppedOn = new Map<string, AbortController>();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#declarative = options.declarative;
    this.#components = options.components ?? [];
    this.#known = declaredSubscriptions(options.declarative.map(({ spec }) => spec));
  }

  /** Those that are delivering, or paused. */
  get active(): readonly ActiveSubscription[] {
    return this.#running.map(({ active }) => active);
  }

  /** Those of resources and those that the app named when it was last asked, whether they deliver or not. */
  get known(): readonly ActiveSubscription[] {
    return this.#known;
  }

  /**
   * Reads what the app subscribes to and starts everything that is not running yet. A subscription that cannot be started is
   * logged and left out, as is what the app could not be asked for; only an abort rejects. While a broker cannot be reached, its
   * subscriptions are tried again in the background until they run or all are stopped.
   */
  async start(signal: AbortSignal): Promise<void> {
    const stopped = this.#stopped.signal;
    this.#programmatic = await this.#askApp(signal);
    this.#isStarted = !stopped.aborted;
    this.#plan(this.#programmatic);
    await this.#startAll([...this.#wanted.values()], stopped, signal);
  }

  #plan(programmatic: readonly SubscriptionSpec[]): void {
    const { channel, logger } = this.#options;
    const isPathOptional = channel.isPathOptional ?? false;
    this.#wanted = planSubscriptions(this.#declarative, programmatic, { isPathOptional, logger });
    this.#known = [...this.#wanted.values()].map(({ spec, type }) => activeOf(spec, type));
  }

  /**
   * Goes by these resources from now on. Subscriptions that are no longer wanted, or differ, end as with {@link stop}; new ones start.
   * The others are not touched.
   */
  async redeclare(
    { declarative, components }: Required<Pick<SubscriptionsOptions, 'declarative' | 'components'>>,
    grace: AbortSignal,
    signal: AbortSignal,
  ): Promise<void> {
    this.#declarative = declarative;
    this.#components = components;
    if (this.#programmatic === undefined) {
      this.#known = declaredSubscriptions(declarative.map(({ spec }) => spec));
      return;
    }
    const before = this.#wanted;
    this.#plan(this.#programmatic);
    const isSame = (key: string): boolean => {
      const [was, is] = [before.get(key), this.#wanted.get(key)];
      return was !== undefined && is !== undefined && JSON.stringify(was) === JSON.stringify(is);
    };
    const stopped = this.#stopped.signal;
    await this.#stop(
      this.#running.filter(({ active }) => !isSame(keyOf(active))),
      grace,
    );
    // one that a stop has overtaken starts when delivery begins again
    if (this.#isStarted && !stopped.aborted) {
      const added = [...this.#wanted.entries()].filter(([key]) => !isSame(key)).map(([, one]) => one);
      await this.#startAll(added, stopped, signal);
    }
  }

  /** Starts those on one pub/sub component again, as they were last wanted; as {@link start} otherwise. */
  async restartPubSub(pubsubName: string, signal: AbortSignal): Promise<void> {
    // a start that was under way may have taken the component that is gone
    const gone = this.#running.filter(
      ({ active, broker }) => active.pubsubName === pubsubName && broker !== this.#options.brokers.get(pubsubName),
    );
    await this.#stop(gone, AbortSignal.abort());
    const wanted = [...this.#wanted.values()].filter(({ spec }) => spec.pubsubName === pubsubName);
    await this.#startAll(wanted, this.#stopped.signal, signal);
  }

  async #startAll(wanted: readonly WantedSubscription[], allStopped: AbortSignal, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const running = new Set(this.#running.map(({ active }) => keyOf(active)));
    await Promise.all(
      wanted.map(async (one) => {
        const { topic, pubsubName } = one.spec;
        if (running.has(keyOf(one.spec))) return;
        const stopped = AbortSignal.any([allStopped, this.#stopOn(pubsubName).signal]);
        try {
          await this.#startOne(one, stopped, signal);
        } catch (error) {
          signal.throwIfAborted();
          // a topic that is missing may still be made
          const isTransient = ComponentError.is(error) && (error.retryable || error.code === 'not-found');
          logger.error(
            one.about(
              `cannot subscribe to topic ${topic} on pubsub ${pubsubName}${isTransient ? ' yet' : ''}: ${errorMessage(error)}`,
            ),
          );
          if (isTransient) void this.#startWhenPossible(one, stopped);
        }
      }),
    );
    if (this.#running.length > 0) {
      const topics = this.#running.map(({ active }) => `${active.pubsubName}/${active.topic}`).join(', ');
      logger.info(`app is subscribed to the following topics: ${topics}`);
    }
  }

  /** Resolves once the app gets no further message; those in flight go on. */
  async pause(): Promise<void> {
    this.#paused = true;
    await Promise.all(this.#running.map(({ subscription }) => subscription.pause()));
  }

  async resume(): Promise<void> {
    this.#paused = false;
    await Promise.all(this.#running.map(({ subscription }) => subscription.resume()));
  }

  /** Ends all subscriptions, after which they can be started anew; what is in flight when `grace` aborts is given back. */
  async stop(grace: AbortSignal): Promise<void> {
    this.#isStarted = false;
    this.#stopped.abort(ending());
    this.#stopped = new AbortController();
    await this.#stop(this.#running, grace);
  }

  /** As {@link stop}, for those on one pub/sub component. */
  async stopPubSub(pubsubName: string, grace: AbortSignal): Promise<void> {
    this.#stopOn(pubsubName).abort(ending());
    this.#stoppedOn.delete(pubsubName);
    await this.#stop(
      this.#running.filter(({ active }) => active.pubsubName === pubsubName),
      grace,
    );
  }

  async #stop(meant: readonly RunningOne[], grace: AbortSignal): Promise<void> {
    this.#running = this.#running.filter((one) => !meant.includes(one));
    const results = await Promise.allSettled(meant.map(({ subscription }) => subscription.close(grace)));
    for (const result of results) {
      if (result.status === 'rejected') {
        this.#options.logger.error(`ending a subscription failed: ${errorMessage(result.reason)}`);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(AbortSignal.timeout(30_000));
  }

  async #askApp(signal: AbortSignal): Promise<readonly SubscriptionSpec[]> {
    try {
      const { channel, initializationRetry } = this.#options;
      const whileStarting = policy([initializationRetry?.() ?? whileAppStarts]);
      return await whileStarting.execute((attempt) => channel.subscriptions(attempt), signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#options.logger.error(`reading the app's subscriptions failed: ${errorMessage(error)}`);
      return [];
    }
  }

  async #startWhenPossible(wanted: WantedSubscription, stopped: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { topic, pubsubName } = wanted.spec;
    for (let wait = 500; !stopped.aborted; wait = Math.min(wait * 2, 15_000)) {
      try {
        await sleep(wait, stopped);
        if (!this.#isWanted(wanted)) return;
        await this.#startOne(wanted, stopped, stopped);
        logger.info(`app is now subscribed to topic ${topic} on pubsub ${pubsubName}`);
        return;
      } catch (error) {
        if (!this.#isWanted(wanted)) return;
        if (!stopped.aborted) logger.debug(`still no subscription to topic ${topic}: ${errorMessage(error)}`);
      }
    }
  }

  /** Starts one subscription and counts it as running, unless a stop, a reload or another start has overtaken it. */
  async #startOne(wanted: WantedSubscription, stopped: AbortSignal, signal: AbortSignal): Promise<void> {
    const { spec, type } = wanted;
    const { brokers, channel, logger } = this.#options;
    const broker = brokers.get(spec.pubsubName);
    if (broker === undefined) throw new Error(missingBroker(spec.pubsubName, brokers, this.#components));
    const subscription = await TopicSubscription.start(broker, spec, channel, logger, signal);
    const isRunning = this.#running.some(({ active }) => keyOf(active) === keyOf(spec));
    if (stopped.aborted || isRunning || !this.#isWanted(wanted) || brokers.get(spec.pubsubName) !== broker) {
      return subscription.close(AbortSignal.abort());
    }
    this.#running = [...this.#running, { subscription, broker, active: activeOf(spec, type) }];
    if (this.#paused) await subscription.pause();
  }

  /** A plan that is made anew without a change to this one still wants it. */
  #isWanted(one: WantedSubscription): boolean {
    const now = this.#wanted.get(keyOf(one.spec));
    return now === one || (now !== undefined && JSON.stringify(now) === JSON.stringify(one));
  }

  #stopOn(pubsubName: string): AbortController {
    let controller = this.#stoppedOn.get(pubsubName);
    if (controller === undefined) this.#stoppedOn.set(pubsubName, (controller = new AbortController()));
    return controller;
  }
}

function ending(): Error {
  return new Error('the subscription is ending');
}

/** Subscriptions of resources as the metadata API shows them. */
export function declaredSubscriptions(specs: readonly SubscriptionSpec[]): readonly ActiveSubscription[] {
  return specs.map((spec) => activeOf(spec, 'DECLARATIVE'));
}

/** A subscription as the metadata API shows it. */
export function activeOf(spec: SubscriptionSpec, type: ActiveSubscription['type']): ActiveSubscription {
  return {
    pubsubName: spec.pubsubName,
    topic: spec.topic,
    metadata: spec.metadata,
    rules: spec.rules.map(({ match = '', path }) => ({ match, path })),
    deadLetterTopic: spec.deadLetterTopic ?? '',
    type,
  };
}
