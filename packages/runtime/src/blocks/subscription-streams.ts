import { abortable, errorMessage, type Logger } from '@outrigger/core';

import type { AppChannel, SubscriptionSpec, TopicEvent, TopicEventStatus } from '../app-channel/app-channel.ts';
import type { RunningSubscription, StreamingSubscription } from '../runtime.ts';
import type { Broker } from './pubsub-broker.ts';
import { pubsubErrors } from './pubsub-errors.ts';
import { noMetadata } from './pubsub-metadata.ts';
import { consumerOf, type OwnConsumer, type OwnConsumers } from './pubsub-own-consumers.ts';
import { TopicSubscription } from './subscription.ts';
import { type ActiveSubscription, activeOf } from './subscriptions.ts';

/** What a stream is on at the moment. */
type Delivering = Pick<TopicSubscription, 'close' | 'spec'>;

type Deliver = (event: TopicEvent, signal: AbortSignal) => Promise<TopicEventStatus>;

/** As in Dapr, there is one route, which nobody looks at. */
const rules = [{ path: '/' }];

/** Subscriptions that live as long as somebody takes their events, each for itself, whatever the app's health. */
export class SubscriptionStreams {
  readonly #brokers: ReadonlyMap<string, Broker>;
  readonly #logger: Logger;
  readonly #consumers: OwnConsumers | undefined;
  readonly #running = new Set<SubscriptionStream>();
  #stopping = false;

  /** Without `consumers` the consumer id that a subscription asks for is left to the component. */
  constructor(brokers: ReadonlyMap<string, Broker>, logger: Logger, consumers?: OwnConsumers) {
    this.#brokers = brokers;
    this.#logger = logger;
    this.#consumers = consumers;
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
    let subscription: Delivering;
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

  async #start(pubsubName: string, spec: SubscriptionSpec, deliver: Deliver, signal: AbortSignal): Promise<Delivering> {
    const broker = this.#brokers.get(pubsubName);
    if (broker === undefined) throw pubsubErrors.notFound(pubsubName, noMetadata);
    const channel: Pick<AppChannel, 'deliver' | 'deliverMany'> = {
      // one that does not look at its signal must not hold up the end
      deliver: (event, attempt) => abortable(deliver(event, attempt), attempt),
      deliverMany: () => Promise.reject(new Error('a streaming subscription takes one event at a time')),
    };
    const { consumer, rest } = consumerOf(spec.metadata);
    try {
      const own = consumer && (await this.#consumers?.open(pubsubName, consumer, signal));
      if (own === undefined) return await TopicSubscription.start(broker, spec, channel, this.#logger, signal);
      return await this.#startOn(own, { ...spec, metadata: rest }, channel, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw pubsubErrors.subscribeFailed(broker.name, error);
    }
  }

  /** The component that is only for this subscription ends with it. */
  async #startOn(
    own: OwnConsumer,
    spec: SubscriptionSpec,
    channel: Pick<AppChannel, 'deliver' | 'deliverMany'>,
    signal: AbortSignal,
  ): Promise<Delivering> {
    try {
      const subscription = await TopicSubscription.start(own.broker, spec, channel, this.#logger, signal);
      let closed: Promise<void> | undefined;
      const close = async (grace: AbortSignal): Promise<void> => {
        try {
          await subscription.close(grace);
        } finally {
          await (closed ??= own[Symbol.asyncDispose]() as Promise<void>);
        }
      };
      return { spec, close };
    } catch (error) {
      await own[Symbol.asyncDispose]();
      throw error;
    }
  }
}

class SubscriptionStream implements RunningSubscription {
  readonly active: ActiveSubscription;
  readonly ended: Promise<void>;
  readonly #start: (signal: AbortSignal) => Promise<Delivering>;
  readonly #forget: () => void;
  readonly #end: () => void;
  #subscription: Delivering;
  #isEnding = false;

  constructor(subscription: Delivering, start: (signal: AbortSignal) => Promise<Delivering>, forget: () => void) {
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
