import { errorMessage, type Logger } from '@outrigger/core';

import type { AppChannel, SubscriptionSpec, TopicEvent, TopicEventStatus } from '../app-channel/app-channel.ts';
import { unlessAborted } from '../app-channel/unless-aborted.ts';
import type { RunningSubscription, StreamingSubscription } from '../runtime.ts';
import type { Broker } from './pubsub-broker.ts';
import { pubsubErrors } from './pubsub-errors.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { TopicSubscription } from './subscription.ts';
import { type ActiveSubscription, activeOf } from './subscriptions.ts';

type Deliver = (event: TopicEvent, signal: AbortSignal) => Promise<TopicEventStatus>;

/** As in Dapr, there is one route, which nobody looks at. */
const rules = [{ path: '/' }];

/** Subscriptions that live as long as somebody takes their events, each for itself, whatever the app's health. */
export class SubscriptionStreams {
  readonly #brokers: ReadonlyMap<string, Broker>;
  readonly #logger: Logger;
  readonly #running = new Set<SubscriptionStream>();
  #stopping = false;

  constructor(brokers: ReadonlyMap<string, Broker>, logger: Logger) {
    this.#brokers = brokers;
    this.#logger = logger;
  }

  get active(): readonly ActiveSubscription[] {
    return [...this.#running].map(({ active }) => active);
  }

  /** As {@link Runtime.subscribe}. */
  async subscribe(wanted: StreamingSubscription, deliver: Deliver, signal: AbortSignal): Promise<RunningSubscription> {
    const { pubsubName, topic } = wanted;
    if (pubsubName === '') throw pubsubErrors.subscriptionLacks('pubsubName');
    if (topic === '') throw pubsubErrors.subscriptionLacks('topic');
    if (!this.#brokers.has(pubsubName)) throw pubsubErrors.notFound(pubsubName, noMetadata);
    if (this.#stopping) throw pubsubErrors.stopping(pubsubName, topic);
    const spec = { ...wanted, rules };
    const start = (own: AbortSignal) => this.#start(pubsubName, spec, deliver, own);
    let broker;
    let subscription: TopicSubscription;
    do {
      broker = this.#brokers.get(pubsubName);
      subscription = await start(signal);
      // a reload meanwhile has closed what it is on
      if (this.#brokers.get(pubsubName) !== broker) await subscription.close(AbortSignal.abort());
    } while (this.#brokers.get(pubsubName) !== broker);
    if (this.#stopping || signal.aborted) {
      await subscription.close(AbortSignal.abort());
      signal.throwIfAborted();
      throw pubsubErrors.stopping(pubsubName, topic);
    }
    const stream = new SubscriptionStream(subscription, start, () => this.#running.delete(stream));
    this.#running.add(stream);
    return stream;
  }

  /** Ends all of them for good; what is in flight when `grace` aborts is given back. */
  async stop(grace: AbortSignal): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#running].map(async (stream) => {
        try {
          await stream.end(grace);
        } catch (error) {
          this.#logger.error(`ending a streaming subscription failed: ${errorMessage(error)}`);
        }
      }),
    );
  }

  /** Those on one pub/sub component get nothing more until {@link restartPubSub}; what is in flight when `grace` aborts is given back. */
  async pausePubSub(pubsubName: string, grace: AbortSignal): Promise<void> {
    await Promise.all(this.#on(pubsubName).map((stream) => stream.release(grace)));
  }

  /** Subscribes those on one pub/sub component anew; one that cannot be ends. */
  async restartPubSub(pubsubName: string, signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.#on(pubsubName).map(async (stream) => {
        try {
          await stream.renew(signal);
        } catch (error) {
          const { topic } = stream.active;
          this.#logger.error(
            `ending a streaming subscription to topic ${topic} on pubsub ${pubsubName}: ${errorMessage(error)}`,
          );
          await stream.end(AbortSignal.abort());
        }
      }),
    );
  }

  #on(pubsubName: string): readonly SubscriptionStream[] {
    return [...this.#running].filter(({ active }) => active.pubsubName === pubsubName);
  }

  async #start(pubsubName: string, spec: SubscriptionSpec, deliver: Deliver, signal: AbortSignal) {
    const broker = this.#brokers.get(pubsubName);
    if (broker === undefined) throw pubsubErrors.notFound(pubsubName, noMetadata);
    const channel: Pick<AppChannel, 'deliver' | 'deliverMany'> = {
      // one that does not look at its signal must not hold up the end
      deliver: (event, attempt) => unlessAborted(deliver(event, attempt), attempt),
      deliverMany: () => Promise.reject(new Error('a streaming subscription takes one event at a time')),
    };
    try {
      return await TopicSubscription.start(broker, spec, channel, this.#logger, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw pubsubErrors.subscribeFailed(broker.name, error);
    }
  }
}

class SubscriptionStream implements RunningSubscription {
  readonly active: ActiveSubscription;
  readonly ended: Promise<void>;
  readonly #start: (signal: AbortSignal) => Promise<TopicSubscription>;
  readonly #forget: () => void;
  readonly #end: () => void;
  #subscription: TopicSubscription;
  #isEnding = false;

  constructor(
    subscription: TopicSubscription,
    start: (signal: AbortSignal) => Promise<TopicSubscription>,
    forget: () => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#subscription = subscription;
    this.#start = start;
    this.#forget = forget;
    this.#end = resolve;
    this.ended = promise;
    this.active = activeOf(subscription.spec, 'STREAMING');
  }

  async release(grace: AbortSignal): Promise<void> {
    await this.#subscription.close(grace);
  }

  async renew(signal: AbortSignal): Promise<void> {
    // one that began while the others were paused is not closed yet; of the others it is known how that went
    await this.#subscription.close(AbortSignal.abort()).catch(() => {});
    const subscription = await this.#start(signal);
    if (this.#isEnding) await subscription.close(AbortSignal.abort());
    else this.#subscription = subscription;
  }

  async end(grace: AbortSignal): Promise<void> {
    this.#isEnding = true;
    this.#forget();
    try {
      await this.#subscription.close(grace);
    } finally {
      this.#end();
    }
  }

  /** What has been answered by now still counts; hence the turn of the event loop. */
  [Symbol.asyncDispose](): Promise<void> {
    const grace = new AbortController();
    setImmediate(() => grace.abort());
    return this.end(grace.signal);
  }
}
