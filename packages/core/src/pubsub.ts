import type { BulkOutcome, RequestMetadata } from './state.ts';

export interface PublishRequest {
  readonly topic: string;
  /** Carried as it is: an envelope that the engine made, or the raw payload. */
  readonly data: Uint8Array;
  readonly contentType?: string;
  readonly metadata: RequestMetadata;
}

export interface BulkPublishEntry {
  readonly entryId: string;
  readonly data: Uint8Array;
  readonly contentType: string;
  readonly metadata: RequestMetadata;
}

export interface BulkPublishRequest {
  readonly topic: string;
  readonly entries: readonly BulkPublishEntry[];
  readonly metadata: RequestMetadata;
}

export interface SubscribeRequest {
  /** May hold wildcards where the component has the feature `subscribe-wildcards`. */
  readonly topic: string;
  readonly metadata: RequestMetadata;
  /**
   * How many messages may be with the handler at a time, at least, whatever the component's own setting: the engine collects
   * them to batches, which a handful at a time could never fill. Absent: the component's own setting.
   */
  readonly minConcurrency?: number;
}

/** Of a subscription whose handler takes batches. What is absent is the component's own default. */
export interface BulkSubscribeRequest extends SubscribeRequest {
  /** The most messages of one batch. */
  readonly maxMessagesCount?: number;
  /** The longest that a batch waits to fill. */
  readonly maxAwaitDurationMs?: number;
}

export interface Message {
  /** The topic it was published to; with a wildcard subscription not the one subscribed. */
  readonly topic: string;
  /** As it was published. */
  readonly data: Uint8Array;
  readonly contentType?: string;
  /** What the broker says of the message (`__offset`, headers, …); reaches the app as headers. */
  readonly metadata: RequestMetadata;
}

/**
 * Handles one message. Its promise is the ack: resolve = acknowledge; reject = give back for redelivery; reject with a
 * {@link DropMessage} = acknowledge without success. The signal aborts when the handler is no longer waited for.
 */
export type MessageHandler = (message: Message, signal: AbortSignal) => Promise<void>;

/** Handles a batch; the outcomes stand in the order of the messages and mean for each what the single promise means. */
export type BulkMessageHandler = (messages: readonly Message[], signal: AbortSignal) => Promise<BulkOutcome<void>[]>;

const dropBrand: unique symbol = Symbol.for('outrigger.DropMessage') as never;

/** Thrown by a message handler to say: do not redeliver this one. */
export class DropMessage extends Error {
  readonly [dropBrand] = true;

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'DropMessage';
  }

  /** Recognises errors of this class by brand, so that two copies of this package still meet. */
  static is(error: unknown): error is DropMessage {
    return typeof error === 'object' && error !== null && dropBrand in error;
  }
}

/**
 * A running subscription. Disposal hands nothing new over, waits for the handlers in flight and for their acks, and gives
 * every message not yet handed over back to the broker untouched: leaving never loses, drops or dead-letters a message, and
 * counts as no attempt where the broker counts them.
 */
export interface Subscription extends AsyncDisposable {
  /** Resolves once no further message will be handed over; those in flight go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** Promises about behaviour that no method can show. The conformance kit tests what is claimed. */
export type PubSubFeature = 'message-ttl' | 'subscribe-wildcards' | 'bulk-subscribe-immediate';

/**
 * A message broker. Concurrency and order of delivery belong to the component; retries, dead letters and envelopes to the
 * engine. At least once: a message is acknowledged to the broker only after its handler has resolved. A component holds a
 * bounded number of messages and of bytes, however slow the handler is, and however long a queue the broker has.
 */
export interface PubSub extends AsyncDisposable {
  readonly features: readonly PubSubFeature[];

  /** Resolves once the broker has taken the message. */
  publish(request: PublishRequest, signal: AbortSignal): Promise<void>;

  /** As many outcomes as entries, in their order. Without it the engine publishes the entries one by one, in parallel. */
  publishMany?(request: BulkPublishRequest, signal: AbortSignal): Promise<BulkOutcome<void>[]>;

  /**
   * Resolves once messages published from now on will be delivered. The signal covers only this set-up; disposing the
   * subscription ends it. After a lost connection the subscription comes back by itself.
   */
  subscribe(request: SubscribeRequest, handler: MessageHandler, signal: AbortSignal): Promise<Subscription>;

  /** Native batches. Without it the engine collects single messages. */
  subscribeMany?(
    request: BulkSubscribeRequest,
    handler: BulkMessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription>;
}
