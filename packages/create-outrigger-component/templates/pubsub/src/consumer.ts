import { DropMessage, type Message, type MessageHandler, type Subscription } from '@outrigger/core';

import type { TopicQueue } from './topic-queue.ts';

/** Takes the messages of a queue, so many at a time, and acknowledges each once its handler has resolved. */
export class Consumer implements Subscription {
  readonly #queue: TopicQueue;
  readonly #handler: MessageHandler;
  readonly #concurrency: number;
  readonly #ended = Promise.withResolvers<void>();
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #running = 0;
  #isPaused = false;
  #isLeaving = false;

  constructor(queue: TopicQueue, handler: MessageHandler, concurrency: number) {
    this.#queue = queue;
    this.#handler = handler;
    this.#concurrency = concurrency;
    queue.taker = this.#take;
    this.#take();
  }

  /** Resolves once it has left and nothing is in flight. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
    this.#take();
  }

  /** What was not taken stays in the queue, for whoever is there or comes later. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeaving = true;
    this.#queue.taker = undefined;
    if (this.#running === 0) this.#ended.resolve();
    await this.ended;
  }

  /** In a later turn, so that a publish has ended before its message is handled. */
  readonly #take = (): void => queueMicrotask(this.#work);

  readonly #work = (): void => {
    while (!this.#isPaused && !this.#isLeaving && this.#running < this.#concurrency) {
      const message = this.#queue.take();
      if (message === undefined) return;
      this.#running++;
      void this.#deliver(message);
    }
  };

  /** Never rejects. */
  async #deliver(message: Message): Promise<void> {
    try {
      await this.#handler(message, this.#signal);
      this.#queue.acknowledge(message);
    } catch (error) {
      if (DropMessage.is(error)) this.#queue.acknowledge(message);
      else this.#queue.giveBack(message);
    }
    this.#running--;
    if (this.#isLeaving && this.#running === 0) this.#ended.resolve();
    this.#take();
  }
}
