import { randomUUID } from 'node:crypto';
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
import type { SqliteDatabase } from '@outrigger/sqlite-client';
import { ChangeWatcher } from './change-watcher.ts';
import { Consumers } from './consumers.ts';
import { type InitialPosition, MessageLog, type NewMessage } from './message-log.ts';
import { Retention, type RetentionRules } from './retention.ts';
import { SqliteSubscription, type SubscriptionSettings } from './sqlite-subscription.ts';
import { expiryOf } from './time-to-live.ts';
import { Trouble } from './trouble.ts';

export interface SqlitePubSubSettings extends SubscriptionSettings, RetentionRules {
  /** Its subscriptions to one topic, in whatever process, share the messages. */
  readonly consumerId: string;
  readonly initialPosition: InitialPosition;
  /** The file that a commit writes to; absent when no other process can see the database. */
  readonly watchedFile: string | undefined;
  /** How often to look for messages of other processes where the file system does not tell of them. */
  readonly pollIntervalMs: number;
}

const sweepAfterActivityMs = 1000;
const sweepWhenIdleMs = 60_000;

/** A broker without a server: the processes of one machine share a file, and each does its part of the work. */
export class SqlitePubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = ['message-ttl'];
  readonly #db: SqliteDatabase;
  readonly #settings: SqlitePubSubSettings;
  readonly #logger: Logger;
  readonly #log: MessageLog;
  readonly #consumers: Consumers;
  readonly #retention: Retention;
  readonly #trouble: Trouble;
  readonly #subscriptions = new Set<SqliteSubscription>();
  #watcher: ChangeWatcher | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepDue = false;
  #sweeping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Owns the database from now on; its tables must be there. */
  constructor(db: SqliteDatabase, settings: SqlitePubSubSettings, logger: Logger) {
    this.#db = db;
    this.#settings = settings;
    this.#logger = logger;
    this.#log = new MessageLog(db);
    this.#consumers = new Consumers(db);
    this.#retention = new Retention(db, settings);
    this.#trouble = new Trouble(logger);
    this.#sweepSoon();
  }

  async publish(request: PublishRequest, signal: AbortSignal): Promise<void> {
    await this.#log.append([newMessage(request.topic, request)], signal);
    this.#wake(request.topic);
  }

  /** One transaction: all entries or none. */
  async publishMany({ topic, entries }: BulkPublishRequest, signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    await this.#log.append(
      entries.map((entry) => newMessage(topic, entry)),
      signal,
    );
    this.#wake(topic);
    return entries.map(() => ({ ok: true, value: undefined }));
  }

  async subscribe(
    { topic, minConcurrency = 1 }: SubscribeRequest,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    const { consumerId, initialPosition } = this.#settings;
    if (this.#closing) throw new ComponentError('unavailable', 'this broker is closed');
    if (consumerId === '') {
      throw new ComponentError(
        'invalid-argument',
        'consumerID is needed to subscribe: there is no app id to default to',
      );
    }
    const groupId = await this.#log.join(topic, consumerId, initialPosition, signal);
    const subscription = new SqliteSubscription({
      log: this.#log,
      consumers: this.#consumers,
      groupId,
      consumer: randomUUID(),
      topic,
      settings: { ...this.#settings, concurrency: Math.max(this.#settings.concurrency, minConcurrency) },
      handler,
      logger: this.#logger,
      trouble: this.#trouble,
      progressed: () => this.#sweepSoon(),
      ended: () => {
        this.#subscriptions.delete(subscription);
        this.#wake(topic); // what it gave back may be for a neighbour
        this.#watch();
      },
    });
    this.#subscriptions.add(subscription);
    this.#watch();
    try {
      await subscription.start();
    } catch (error) {
      this.#subscriptions.delete(subscription);
      this.#watch();
      throw error;
    }
    if (this.#closing) await subscription[Symbol.asyncDispose]();
    return subscription;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#sweepTimer);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await this.#sweeping;
    await this.#db[Symbol.asyncDispose]();
  }

  #wake(topic: string): void {
    this.#sweepSoon();
    for (const subscription of this.#subscriptions) if (subscription.topic === topic) subscription.wake();
  }

  /** Watches the file for as long as there is a subscription. */
  #watch(): void {
    const { watchedFile, pollIntervalMs } = this.#settings;
    if (this.#subscriptions.size === 0) {
      this.#watcher?.[Symbol.dispose]();
      this.#watcher = undefined;
    } else if (watchedFile !== undefined) {
      this.#watcher ??= new ChangeWatcher(this.#db, watchedFile, pollIntervalMs, () => {
        for (const subscription of this.#subscriptions) subscription.wake();
      });
    }
  }

  #sweepSoon(): void {
    if (this.#sweepDue || this.#closing) return;
    this.#sweepDue = true;
    this.#sweepIn(sweepAfterActivityMs);
  }

  #sweepIn(milliseconds: number): void {
    clearTimeout(this.#sweepTimer);
    this.#sweepTimer = setTimeout(() => {
      this.#sweeping = this.#sweep();
    }, milliseconds);
  }

  async #sweep(): Promise<void> {
    this.#sweepDue = false;
    try {
      while (!this.#closing && (await this.#retention.sweep()));
    } catch (error) {
      this.#trouble.report('delete messages that are done with', error);
      this.#sweepSoon();
    }
    if (!this.#closing && !this.#sweepDue) this.#sweepIn(sweepWhenIdleMs);
  }
}

function newMessage(
  topic: string,
  { data, contentType, metadata }: Pick<PublishRequest, 'data' | 'contentType' | 'metadata'>,
): NewMessage {
  const expiresAt = expiryOf(metadata);
  return contentType === undefined
    ? { topic, data, metadata, expiresAt }
    : { topic, data, contentType, metadata, expiresAt };
}
