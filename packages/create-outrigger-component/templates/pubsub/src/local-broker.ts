import {
  ComponentError,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';

import { Consumer } from './consumer.ts';
import { TopicQueue, type TopicQueueOptions } from './topic-queue.ts';

/** Every subscription gets every message; what one leaves behind is for the next on its topic. Nothing outlives the process. */
export class LocalBroker implements PubSub {
  readonly features = [] as const;
  readonly #options: TopicQueueOptions;
  readonly #queues = new Map<string, readonly TopicQueue[]>();
  readonly #consumers = new Set<Consumer>();
  #isClosed = false;

  constructor(options: TopicQueueOptions) {
    this.#options = options;
  }

  async publish({ topic, data, contentType, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    this.#refuseEnded(signal);
    const message = { topic, data, metadata, ...(contentType !== undefined && { contentType }) };
    const all = this.#queues.get(topic) ?? [];
    const taken = all.filter(({ taker }) => taker !== undefined);
    const queues = taken.length > 0 ? taken : all;
    // all or none, so that a publish that is refused and repeated reaches nobody twice
    if (!queues.every((queue) => queue.hasRoomFor(message))) {
      throw new ComponentError(
        'unavailable',
        `a subscriber of topic "${topic}" is too slow; publish again later, or raise maxQueuedBytes`,
      );
    }
    for (const queue of queues) queue.add(message);
  }

  async subscribe(
    { topic, minConcurrency = 1 }: SubscribeRequest,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    this.#refuseEnded(signal);
    const queues = this.#queues.get(topic) ?? [];
    const queue = queues.find(({ taker }) => taker === undefined) ?? new TopicQueue(this.#options);
    if (!queues.includes(queue)) this.#queues.set(topic, [...queues, queue]);
    const consumer = new Consumer(queue, handler, minConcurrency);
    this.#consumers.add(consumer);
    consumer.ended.then(
      () => this.#consumers.delete(consumer),
      () => {},
    );
    return consumer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
    for (const queue of [...this.#queues.values()].flat()) queue.clear();
  }

  #refuseEnded(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw new ComponentError('unavailable', 'the broker is closed');
  }
}
