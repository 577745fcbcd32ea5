import type { RequestMetadata } from '@outrigger/core';

/** How a message is sent, whatever carries it. */
export interface OutgoingMessage {
  readonly data: Uint8Array;
  readonly properties: RequestMetadata;
  /** Messages of one key go to one partition, and to one consumer of a key-shared subscription. */
  readonly key?: string;
  /** Milliseconds since 1970. */
  readonly deliverAt?: number;
  readonly deliverAfterMs?: number;
}

export interface Producer {
  /** Resolves once the broker has confirmed the message. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export type SubscribeType = 'shared' | 'exclusive' | 'failover' | 'key_shared';

export interface ConsumerOptions {
  /** Full names, or one pattern of them. */
  readonly topic: { readonly name: string } | { readonly pattern: string };
  readonly subscription: string;
  readonly type: SubscribeType;
  readonly initialPosition: 'latest' | 'earliest';
  readonly durable: boolean;
  readonly redeliveryDelayMs: number;
  readonly receiverQueueSize: number;
  readonly replicateSubscriptionState: boolean;
}

export interface Delivery {
  /** Names the message to the broker; the same one when it is delivered again. */
  readonly id: string;
  readonly data: Uint8Array;
  readonly properties: RequestMetadata;
  readonly key?: string;
}

/** Whoever takes what a consumer delivers. */
export interface Receiver {
  /** How many more messages it takes now; 0 while it is full or wants none. */
  readonly room: number;
  /** It holds so many bytes that not even what was asked for should be read. */
  readonly full: boolean;
  receive(delivery: Delivery): void;
  /** What was delivered and is not acknowledged will be delivered again, here or to another consumer. */
  lost(): void;
}

/** A consumer of one subscription. After a lost connection it comes back by itself. */
export interface Consumer {
  /** The receiver's room has changed. */
  roomChanged(): void;
  /** Never rejects: what could not be acknowledged comes again. */
  acknowledge(id: string): void;
  /** It is to come again after the redelivery delay. */
  redeliverLater(id: string): void;
  /** Acknowledgements sent before are made; the broker gives what is not acknowledged to others. */
  close(): Promise<void>;
}

/** One way to talk to Pulsar. */
export interface Transport extends AsyncDisposable {
  /** Rejects when the server cannot be reached or does not accept the login. */
  check(signal: AbortSignal): Promise<void>;
  openProducer(topic: string, schema: TopicSchemaInfo | undefined, signal: AbortSignal): Promise<Producer>;
  openConsumer(
    options: ConsumerOptions,
    schema: TopicSchemaInfo | undefined,
    receiver: Receiver,
    signal: AbortSignal,
  ): Promise<Consumer>;
}

/** What the broker's schema registry is told of a topic. */
export interface TopicSchemaInfo {
  readonly type: 'JSON' | 'AVRO';
  /** The definition, as JSON text. */
  readonly definition: string;
}
