import {
  ComponentError,
  type Logger,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import { ProducerCache } from './producer-cache.ts';
import { outgoingMessage } from './publish-metadata.ts';
import { PulsarSubscription } from './pulsar-subscription.ts';
import { type SubscriptionSettings, withRequestMetadata } from './subscription-settings.ts';
import { fullTopicName, type TopicDefaults } from './topic-name.ts';
import type { TopicSchema } from './topic-schemas.ts';
import type { Delivery, Transport } from './transport.ts';

export interface PulsarSettings extends TopicDefaults {
  /** The name of the subscriptions. */
  readonly consumerId: string;
  readonly subscription: SubscriptionSettings;
  readonly schemas: ReadonlyMap<string, TopicSchema>;
}

const noLane = () => undefined;
const oneLane = () => '';
const laneOfKey = ({ key }: Delivery) => key;

/** A subscription of the broker per topic and consumer id, and a consumer of its own for every subscription here. */
export class PulsarPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = ['bulk-subscribe-immediate'];
  readonly #transport: Transport;
  readonly #settings: PulsarSettings;
  readonly #logger: Logger;
  readonly #producers: ProducerCache;
  readonly #subscriptions = new Set<PulsarSubscription>();
  #closing: Promise<void> | undefined;

  /** Owns the transport from now on. */
  constructor(transport: Transport, settings: PulsarSettings, logger: Logger) {
    this.#transport = transport;
    this.#settings = settings;
    this.#logger = logger;
    this.#producers = new ProducerCache((topic, signal) =>
      transport.openProducer(fullTopicName(topic, settings), settings.schemas.get(topic)?.info, signal),
    );
  }

  async publish({ topic, data, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    const schema = this.#settings.schemas.get(topic);
    const payload = schema ? schema.encode(data, /^true$/i.test(metadata['rawPayload'] ?? '')) : data;
    await this.#producers.send(topic, outgoingMessage(payload, metadata), signal);
  }

  async subscribe(
    { topic, metadata, minConcurrency = 1 }: SubscribeRequest,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    signal.throwIfAborted();
    this.#refuseWhenClosed();
    const { consumerId, schemas } = this.#settings;
    if (consumerId === '') {
      throw new ComponentError(
        'invalid-argument',
        'consumerID is needed to subscribe: there is no app id to default to',
      );
    }
    const settings = withRequestMetadata(this.#settings.subscription, metadata);
    const { topicsPattern, type, isSync, maxConcurrentHandlers, receiverQueueSize, redeliveryDelayMs } = settings;
    const schema = schemas.get(topic);
    const isInOrder = isSync || type === 'exclusive' || type === 'failover';
    const concurrency = isInOrder ? 1 : Math.max(maxConcurrentHandlers, minConcurrency);
    const options = {
      topic: topicsPattern === undefined ? { name: fullTopicName(topic, this.#settings) } : { pattern: topicsPattern },
      subscription: consumerId,
      type,
      initialPosition: settings.initialPosition,
      durable: settings.durable,
      redeliveryDelayMs,
      receiverQueueSize,
      replicateSubscriptionState: settings.replicateSubscriptionState,
    };
    const subscription = await PulsarSubscription.start(
      {
        topic,
        concurrency,
        window: Math.max(Math.min(receiverQueueSize, Math.max(2 * concurrency, 100)), minConcurrency),
        redeliveryDelayMs,
        laneOf: isInOrder ? oneLane : type === 'key_shared' ? laneOfKey : noLane,
        openConsumer: (receiver, until) => this.#transport.openConsumer(options, schema?.info, receiver, until),
        decode: schema ? (data) => schema.decode(data) : (data) => data,
        handler,
        logger: this.#logger,
        ended: () => this.#subscriptions.delete(subscription),
      },
      signal,
    );
    this.#subscriptions.add(subscription);
    if (this.#closing) {
      await subscription[Symbol.asyncDispose]();
      throw closedError();
    }
    return subscription;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await this.#producers.close();
    await this.#transport[Symbol.asyncDispose]();
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw closedError();
  }
}

function closedError(): ComponentError {
  return new ComponentError('unavailable', 'this broker is closed');
}
