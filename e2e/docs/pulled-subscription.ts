import {
  DeliveryQueue,
  DropMessage,
  type MessageHandler,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';

interface Fetched {
  readonly id: string;
  readonly data: Uint8Array;
}

/** What the broker's client library offers. */
interface Client {
  /** The next message for this group of consumers, hidden from its other members; waits for one. Rejects when aborted. */
  next(signal: AbortSignal): Promise<Fetched>;
  acknowledge(id: string): Promise<void>;
  /** Shows it to the group again, after a pause. */
  giveBack(id: string, afterMs: number): Promise<void>;
}

export class PulledSubscription implements Subscription {
  readonly #client: Client;
  readonly #topic: string;
  readonly #handler: MessageHandler;
  readonly #queue: DeliveryQueue<Fetched>;
  readonly #leaving = new AbortController();
  readonly #fetching: Promise<void>;
  #room = Promise.withResolvers<void>();

  constructor(client: Client, { topic, minConcurrency = 1 }: SubscribeRequest, handler: MessageHandler) {
    this.#client = client;
    this.#topic = topic;
    this.#handler = handler;
    const concurrency = Math.max(10, minConcurrency); // 10: the component's own setting
    this.#queue = new DeliveryQueue(concurrency, (item) => this.#deliver(item), {
      sizeOf: ({ data }) => data.byteLength,
    });
    this.#fetching = this.#fetch(concurrency);
  }

  async #fetch(atMost: number): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      if (this.#queue.full || this.#queue.waiting >= atMost) {
        this.#room = Promise.withResolvers();
        await this.#room.promise;
        continue;
      }
      const item = await this.#client.next(signal).catch(() => undefined); // a real one: log, wait, connect again
      if (item && !this.#queue.add(item)) await this.#client.giveBack(item.id, 0); // it came while we were leaving
    }
  }

  // the acknowledgement is part of the delivery, so that disposal waits for it; it never rejects
  async #deliver({ id, data }: Fetched): Promise<void> {
    try {
      await this.#handler({ topic: this.#topic, data, metadata: {} }, new AbortController().signal);
      await this.#client.acknowledge(id);
    } catch (error) {
      const settled = DropMessage.is(error) ? this.#client.acknowledge(id) : this.#client.giveBack(id, 200);
      await settled.catch(() => {}); // a real one: log; the broker shows it again by itself
    } finally {
      setImmediate(() => this.#room.resolve()); // after the queue has counted it out
    }
  }

  async pause(): Promise<void> {
    this.#queue.pause();
  }

  async resume(): Promise<void> {
    this.#queue.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    this.#room.resolve();
    const waiting = this.#queue.close();
    await Promise.all(waiting.map(({ id }) => this.#client.giveBack(id, 0)));
    await Promise.all([this.#queue.settled(), this.#fetching]);
  }
}
