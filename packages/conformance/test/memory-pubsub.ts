import {
  type BulkMessageHandler,
  type BulkPublishRequest,
  type BulkSubscribeRequest,
  ComponentError,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type RequestMetadata,
  type SubscribeRequest,
} from '@outrigger/core';
import type { MemoryBroker } from './memory-broker.ts';
import { MemorySubscription, type SubscriptionOptions } from './memory-subscription.ts';

/** The component that the suite is tested with: sound, but for the faults of its broker. */
export class MemoryPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = ['message-ttl'];
  readonly #broker: MemoryBroker;
  readonly #consumerId: string;
  readonly #subscriptions = new Set<MemorySubscription>();
  readonly #never = new AbortController().signal;
  #closed = false;

  constructor(broker: MemoryBroker, consumerId: string) {
    this.#broker = broker;
    this.#consumerId = consumerId;
  }

  async publish({ topic, data, contentType, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    this.#refuse(signal);
    await this.#broker.take(topic, data, contentType, withExpiry(metadata));
  }

  async publishMany({ topic, entries, metadata }: BulkPublishRequest, signal: AbortSignal) {
    this.#refuse(signal);
    return Promise.all(
      entries.map((entry) =>
        this.publish({ ...entry, topic, metadata: { ...metadata, ...entry.metadata } }, signal).then(
          () => ({ ok: true, value: undefined }) as const,
          (error: unknown) => ({ ok: false, error }) as const,
        ),
      ),
    );
  }

  async subscribe({ topic, minConcurrency = 1 }: SubscribeRequest, handler: MessageHandler, signal: AbortSignal) {
    const handle: SubscriptionOptions['handle'] = async ([message]) => {
      if (message) await handler(message, this.#never);
      return [{ ok: true, value: undefined }];
    };
    return this.#join(topic, { most: 1, awaitMs: 0, concurrency: minConcurrency, handle }, signal);
  }

  async subscribeMany(request: BulkSubscribeRequest, handler: BulkMessageHandler, signal: AbortSignal) {
    const { topic, maxMessagesCount: most = 100, maxAwaitDurationMs: awaitMs = 100 } = request;
    const handle: SubscriptionOptions['handle'] = (messages) => handler(messages, this.#never);
    return this.#join(topic, { most, awaitMs, concurrency: 1, handle }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
  }

  #join(topic: string, options: SubscriptionOptions, signal: AbortSignal): MemorySubscription {
    this.#refuse(signal);
    const subscription = new MemorySubscription(this.#broker, this.#broker.group(topic, this.#consumerId), options);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  #refuse(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'it is closed');
  }
}

function withExpiry(metadata: RequestMetadata): RequestMetadata {
  const { ttlInSeconds } = metadata;
  return ttlInSeconds === undefined
    ? metadata
    : { ...metadata, 'expires-at': String(Date.now() + Number(ttlInSeconds) * 1000) };
}
