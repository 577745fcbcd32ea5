import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type BulkOutcome,
  type BulkPublishRequest,
  ComponentError,
  type Logger,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';
import { BulkPublisher } from './bulk-publisher.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { RedisSubscription, type SubscriptionSettings } from './redis-subscription.ts';
import { entryFields } from './stream-entry.ts';
import { topicFailure } from './topic-failure.ts';

export interface RedisPubSubSettings extends SubscriptionSettings {
  /** The consumer group. */
  readonly consumerId: string;
  readonly maxLenApprox: number | undefined;
  readonly streamTtlMs: number | undefined;
}

/** A stream per topic, a consumer group per consumer id, and a consumer of its own for every subscription. */
export class RedisPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = [];
  readonly #connection: RedisConnection;
  readonly #settings: RedisPubSubSettings;
  readonly #logger: Logger;
  readonly #bulk: BulkPublisher;
  readonly #trim: () => readonly (string | number)[];
  readonly #subscriptions = new Set<RedisSubscription>();
  #closing: Promise<void> | undefined;

  /** Owns the connection from now on. */
  constructor(connection: RedisConnection, settings: RedisPubSubSettings, logger: Logger) {
    this.#connection = connection;
    this.#settings = settings;
    this.#logger = logger;
    this.#bulk = new BulkPublisher(connection, logger);
    this.#trim = trimming(settings);
  }

  async publish({ topic, data, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    try {
      await this.#connection.send('XADD', [topic, ...this.#trim(), '*', ...entryFields(data, metadata)], signal);
    } catch (error) {
      throw topicFailure(error, topic);
    }
  }

  /** In order; after an entry that fails, none is written. */
  publishMany({ topic, entries }: BulkPublishRequest, signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#bulk.publish(topic, entries, this.#trim(), signal);
  }

  async subscribe(
    { topic, minConcurrency = 1 }: SubscribeRequest,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    signal.throwIfAborted();
    if (this.#closing) throw new ComponentError('unavailable', 'this broker is closed');
    // unique, so that replicas never mix up what each of them is working on
    const { consumerId } = this.#settings;
    if (consumerId === '')
      throw new ComponentError(
        'invalid-argument',
        'consumerID is needed to subscribe: there is no app id to default to',
      );
    const consumer = `${consumerId}@${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
    const started = RedisSubscription.start({
      connection: this.#connection,
      group: new ConsumerGroup(this.#connection, topic, consumerId, consumer),
      topic,
      settings: { ...this.#settings, concurrency: Math.max(this.#settings.concurrency, minConcurrency) },
      handler,
      logger: this.#logger,
      signal,
      ended: () => this.#subscriptions.delete(subscription),
    });
    const subscription = await started.catch((error: unknown) => {
      throw topicFailure(error, topic);
    });
    this.#subscriptions.add(subscription);
    if (this.#closing) await subscription[Symbol.asyncDispose]();
    return subscription;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await this.#connection[Symbol.asyncDispose]();
  }
}

// XADD takes one way of trimming; with both, Dapr's client trims by length.
function trimming({ maxLenApprox, streamTtlMs }: RedisPubSubSettings): () => readonly (string | number)[] {
  if (maxLenApprox) {
    const byLength = ['MAXLEN', '~', maxLenApprox];
    return () => byLength;
  }
  if (streamTtlMs) return () => ['MINID', '~', Math.floor(Date.now() - streamTtlMs)];
  const none: readonly string[] = [];
  return () => none;
}
