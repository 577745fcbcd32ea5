import {
  ComponentError,
  errorMessage,
  type Logger,
  type Policy,
  policy,
  type Retry,
  retry,
  sleep,
} from '@outrigger/core';

import type { AppChannel, SubscriptionSpec } from '../app-channel/app-channel.ts';
import type { Broker } from './pubsub-broker.ts';
import { TopicSubscription } from './subscription.ts';

export interface SubscriptionsOptions {
  readonly brokers: ReadonlyMap<string, Broker>;
  readonly channel: AppChannel;
  /** From Subscription resources, those of this app only, in the order in which they were loaded. */
  readonly declarative: readonly SubscriptionSpec[];
  readonly logger: Logger;
  /** Around reading what the app subscribes to, which may still be starting. Default: 3 retries within some seconds. */
  readonly initializationRetry?: Retry;
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

interface Wanted {
  readonly spec: SubscriptionSpec;
  readonly type: ActiveSubscription['type'];
}

const whileAppStarts = retry({ policy: 'exponential', maxInterval: 1000, maxRetries: 3, maxElapsed: 10_000 });

/** The app's subscriptions: those of resources and those that the app declares itself, merged. */
export class Subscriptions implements AsyncDisposable {
  readonly #options: SubscriptionsOptions;
  readonly #whileAppStarts: Policy;
  #running: { readonly subscription: TopicSubscription; readonly active: ActiveSubscription }[] = [];
  #known: readonly ActiveSubscription[];
  #paused = false;
  /** Counts the stops, so that a start that one of them has overtaken leaves nothing running. */
  #stops = 0;
  /** Aborts with the next stop. */
  #stopped = new AbortController();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#known = declaredSubscriptions(options.declarative);
    this.#whileAppStarts = policy([options.initializationRetry ?? whileAppStarts]);
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
    const { logger } = this.#options;
    const stops = this.#stops;
    const wanted = this.#merge(await this.#programmatic(signal));
    this.#known = [...wanted.values()].map(({ spec, type }) => activeOf(spec, type));
    for (const { active } of this.#running) wanted.delete(keyOf(active));
    await Promise.all(
      [...wanted.values()].map(async (one) => {
        try {
          await this.#startOne(one, stops, signal);
        } catch (error) {
          signal.throwIfAborted();
          const isTransient = ComponentError.is(error) && error.retryable;
          const { topic, pubsubName } = one.spec;
          logger.error(
            `cannot subscribe to topic ${topic} on pubsub ${pubsubName}${isTransient ? ' yet' : ''}: ${errorMessage(error)}`,
          );
          if (isTransient) void this.#startWhenPossible(one, stops, this.#stopped.signal);
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
    this.#stops++;
    this.#stopped.abort();
    this.#stopped = new AbortController();
    const running = this.#running;
    this.#running = [];
    const results = await Promise.allSettled(running.map(({ subscription }) => subscription.close(grace)));
    for (const result of results) {
      if (result.status === 'rejected') {
        this.#options.logger.error(`ending a subscription failed: ${errorMessage(result.reason)}`);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(AbortSignal.timeout(30_000));
  }

  async #programmatic(signal: AbortSignal): Promise<readonly SubscriptionSpec[]> {
    try {
      return await this.#whileAppStarts.execute((attempt) => this.#options.channel.subscriptions(attempt), signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#options.logger.error(`reading the app's subscriptions failed: ${errorMessage(error)}`);
      return [];
    }
  }

  /** Per pubsub and topic: the first resource counts, and what the app declares replaces it. */
  #merge(programmatic: readonly SubscriptionSpec[]): Map<string, Wanted> {
    const { channel, logger } = this.#options;
    const wanted = new Map<string, Wanted>();
    for (const spec of this.#options.declarative) {
      const key = keyOf(spec);
      if (wanted.has(key)) {
        logger.warn(
          `two Subscription resources for topic ${spec.topic} on pubsub ${spec.pubsubName}; the first is used`,
        );
      } else wanted.set(key, { spec, type: 'DECLARATIVE' });
    }
    for (const spec of programmatic) wanted.set(keyOf(spec), { spec, type: 'PROGRAMMATIC' });
    for (const [key, { spec }] of wanted) {
      if (spec.rules.some(({ path }) => path !== '' || channel.isPathOptional)) continue;
      logger.warn(`the subscription to topic ${spec.topic} on pubsub ${spec.pubsubName} has no route and is left out`);
      wanted.delete(key);
    }
    return wanted;
  }

  async #startWhenPossible(wanted: Wanted, stops: number, stopped: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { topic, pubsubName } = wanted.spec;
    for (let wait = 500; !stopped.aborted; wait = Math.min(wait * 2, 15_000)) {
      try {
        await sleep(wait, stopped);
        await this.#startOne(wanted, stops, stopped);
        logger.info(`app is now subscribed to topic ${topic} on pubsub ${pubsubName}`);
        return;
      } catch (error) {
        if (!stopped.aborted) logger.debug(`still no subscription to topic ${topic}: ${errorMessage(error)}`);
      }
    }
  }

  /** Starts one subscription and counts it as running, unless a stop has overtaken it. */
  async #startOne({ spec, type }: Wanted, stops: number, signal: AbortSignal): Promise<void> {
    const subscription = await this.#subscribe(spec, signal);
    if (stops !== this.#stops) return subscription.close(AbortSignal.abort());
    this.#running.push({ subscription, active: activeOf(spec, type) });
    if (this.#paused) await subscription.pause();
  }

  #subscribe(spec: SubscriptionSpec, signal: AbortSignal): Promise<TopicSubscription> {
    const { brokers, channel, logger } = this.#options;
    const broker = brokers.get(spec.pubsubName);
    if (broker === undefined) {
      const known = brokers.size === 0 ? 'none is' : `loaded: ${[...brokers.keys()].join(', ')}`;
      throw new Error(`no pub/sub component of that name is loaded for this app (${known})`);
    }
    return TopicSubscription.start(broker, spec, channel, logger, signal);
  }
}

/** Subscriptions of resources as the metadata API shows them. */
export function declaredSubscriptions(specs: readonly SubscriptionSpec[]): readonly ActiveSubscription[] {
  return specs.map((spec) => activeOf(spec, 'DECLARATIVE'));
}

function keyOf({ pubsubName, topic }: { readonly pubsubName: string; readonly topic: string }): string {
  return JSON.stringify([pubsubName, topic]);
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
