import {
  type BulkOutcome,
  type BulkPublishRequest,
  ComponentError,
  DropMessage,
  errorMessage,
  type Logger,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import { asBuffer } from '@outrigger/grpc';
import { PubSubDefinition, type PullMessagesRequest, type PullMessagesResponse } from '@outrigger/protocol/components';

import { minConcurrencyHeader } from '../services.ts';
import type { ComponentSocket } from './component-socket.ts';
import { RemoteStream } from './remote-stream.ts';

const { fullName: service, methods } = PubSubDefinition;

const features: Readonly<Record<string, PubSubFeature>> = {
  MESSAGE_TTL: 'message-ttl',
  SUBSCRIBE_WILDCARDS: 'subscribe-wildcards',
};

/** Milliseconds that a component may take to pause. */
const pausePatience = 5000;

type TopicStream = RemoteStream<PullMessagesRequest, PullMessagesResponse>;

/** A broker in another process. */
export class RemotePubSub implements PubSub {
  readonly features: readonly PubSubFeature[];
  readonly publishMany?: PubSub['publishMany'] & {};
  readonly #socket: ComponentSocket;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #streams = new Set<TopicStream>();
  #isPaused = false;

  constructor(socket: ComponentSocket, name: string, claims: readonly string[], logger: Logger) {
    this.#socket = socket;
    this.#name = name;
    this.#logger = logger;
    this.features = claims.flatMap((claim) => features[claim] ?? []);
    if (claims.includes('BULK_PUBSUB')) this.publishMany = (...request) => this.#publishMany(...request);
  }

  async publish({ topic, data, contentType = '', metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    const message = { topic, data: asBuffer(data), contentType, metadata: { ...metadata }, pubsubName: this.#name };
    await this.#socket.call({ service, method: methods.publish }, message, signal);
  }

  /**
   * A component that does not say that it sends no more messages than may be handled at a time is taken to rely on what Dapr does: one
   * after the other, in their order.
   */
  async subscribe(
    { topic, metadata, minConcurrency = 1 }: SubscribeRequest,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    const stream: TopicStream = await RemoteStream.open(
      {
        socket: this.#socket,
        target: { service, method: methods.pullMessages },
        first: { topic: { name: topic, metadata: { ...metadata } }, ackMessageId: '' },
        headers: { [minConcurrencyHeader]: String(minConcurrency) },
        what: `topic ${topic}`,
        concurrency: minConcurrency,
        handle: (message, gone) => acknowledge(message, topic, handler, gone),
        onPause: () => this.#paused(),
        onResume: () => this.#resumed(),
        onEnd: (ended) => this.#streams.delete(ended),
        logger: this.#logger,
      },
      signal,
    );
    this.#streams.add(stream);
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#socket[Symbol.asyncDispose]();
    await Promise.all([...this.#streams].map((stream) => stream[Symbol.asyncDispose]()));
    await closing;
  }

  async #publishMany(request: BulkPublishRequest, signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    const message = {
      entries: request.entries.map(({ entryId, data, contentType, metadata }) => ({
        entryId,
        event: asBuffer(data),
        contentType,
        metadata: { ...metadata },
      })),
      pubsubName: this.#name,
      topic: request.topic,
      metadata: { ...request.metadata },
    };
    const { failedEntries } = await this.#socket.call({ service, method: methods.bulkPublish }, message, signal);
    const failed = new Map(failedEntries.map(({ entryId, error }) => [entryId, error]));
    return request.entries.map(({ entryId }) => {
      const error = failed.get(entryId);
      if (error === undefined) return { ok: true, value: undefined };
      return { ok: false, error: new ComponentError('internal', error) };
    });
  }

  /** The protocol pauses a component as a whole: it is told when no subscription wants any more. */
  async #paused(): Promise<void> {
    if ([...this.#streams].some(({ isPaused }) => !isPaused)) return;
    this.#isPaused = true;
    await this.#tell('pause');
  }

  async #resumed(): Promise<void> {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    await this.#tell('resume');
  }

  /** Many components have neither: what they send is held back here then. */
  async #tell(what: 'pause' | 'resume'): Promise<void> {
    try {
      await this.#socket.call({ service, method: methods[what] }, {}, AbortSignal.timeout(pausePatience));
    } catch (error) {
      this.#logger.debug(`the component ${this.#name} does not ${what}: ${errorMessage(error)}`);
    }
  }
}

async function acknowledge(
  { id, data, topicName, contentType, metadata }: PullMessagesResponse,
  topic: string,
  handler: MessageHandler,
  signal: AbortSignal,
): Promise<PullMessagesRequest> {
  try {
    await handler({ topic: topicName || topic, data, metadata, ...(contentType !== '' && { contentType }) }, signal);
  } catch (error) {
    if (!DropMessage.is(error)) return { ackMessageId: id, ackError: { message: errorMessage(error) } };
  }
  return { ackMessageId: id };
}
