import type { Message, MessageHandler, Subscription } from '@outrigger/core';

interface SubscriptionParts {
  /** As it was subscribed. */
  readonly topic: string;
  /** As AWS has it. */
  readonly topicName: string;
  readonly handler: MessageHandler;
  /** Messages of this topic that may be handled at a time at least. */
  readonly minConcurrency: number;
  /** Called when it has been paused, has resumed, or has ended; resolves when what waited for it is given back. */
  readonly changed: (subscription: TopicSubscription) => Promise<void>;
  readonly ended: (subscription: TopicSubscription) => void;
}

// handlers are always waited for, so this never aborts
const signal = new AbortController().signal;

/** One topic's share of the queue. */
export class TopicSubscription implements Subscription {
  readonly topic: string;
  readonly topicName: string;
  readonly minConcurrency: number;
  readonly #parts: SubscriptionParts;
  #paused = false;
  #closing: Promise<void> | undefined;
  #inFlight = 0;
  readonly #idle: (() => void)[] = [];

  constructor(parts: SubscriptionParts) {
    this.topic = parts.topic;
    this.topicName = parts.topicName;
    this.minConcurrency = parts.minConcurrency;
    this.#parts = parts;
  }

  /** Whether it takes messages now. */
  get isRunning(): boolean {
    return !this.#paused && this.#closing === undefined;
  }

  /** `settle` acknowledges or gives back; disposal waits for it. Neither rejects. */
  async handle(data: Uint8Array, settle: (error: unknown) => Promise<void>): Promise<void> {
    const message: Message = { topic: this.topic, data, metadata: {} };
    this.#inFlight++;
    try {
      let failure: unknown;
      try {
        await this.#parts.handler(message, signal);
      } catch (error) {
        failure = error ?? new Error('the handler rejected without a reason');
      }
      await settle(failure);
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async pause(): Promise<void> {
    if (!this.isRunning) return;
    this.#paused = true;
    await this.#parts.changed(this);
  }

  async resume(): Promise<void> {
    this.#paused = false;
    await this.#parts.changed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.resolve(); // so that it counts as closing from here on
    await this.#parts.changed(this);
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#parts.ended(this);
  }
}
