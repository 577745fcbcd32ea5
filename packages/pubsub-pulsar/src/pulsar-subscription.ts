import {
  DeliveryQueue,
  DropMessage,
  errorMessage,
  type Logger,
  type Message,
  type MessageHandler,
  sleep,
  type Subscription,
} from '@outrigger/core';
import { KeyLanes } from './key-lanes.ts';
import { PartialBatches } from './partial-batches.ts';
import type { Consumer, Delivery, Receiver } from './transport.ts';

interface SubscriptionParts {
  readonly topic: string;
  readonly concurrency: number;
  /** How many messages are held at a time: waiting, in flight, and waiting for their next try. */
  readonly window: number;
  readonly redeliveryDelayMs: number;
  /** Messages of one lane are handled one after the other, and a failed one is tried again before the next; `undefined`: no lane. */
  readonly laneOf: (delivery: Delivery) => string | undefined;
  readonly openConsumer: (receiver: Receiver, signal: AbortSignal) => Promise<Consumer>;
  /** Throws when the payload is not what the topic's schema says. */
  readonly decode: (data: Uint8Array) => Uint8Array;
  readonly handler: MessageHandler;
  readonly logger: Logger;
  readonly ended: () => void;
}

interface Held {
  readonly id: string;
  readonly lane: string | undefined;
  readonly message: Message;
}

const maxBytes = 16 * 1024 * 1024;
/** What a message is taken to weigh before the first has come. */
const firstEstimate = 64 * 1024;
const reopenPauseMs = 1000;

/** One subscription: asks for what it has room for, hands over, acknowledges, and has failed messages come again. */
export class PulsarSubscription implements Subscription, Receiver {
  readonly #parts: SubscriptionParts;
  readonly #queue: DeliveryQueue<Held>;
  readonly #lanes: KeyLanes<Held>;
  readonly #held = new Map<string, Held>();
  readonly #running = new Set<Held>();
  readonly #partial = new PartialBatches();
  readonly #end = new AbortController();
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #bytes = 0;
  #estimate = firstEstimate;
  #consumer: Consumer | undefined;
  #paused = false;
  /** Closing the consumer after a pause, or opening it again. */
  #changing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#queue = new DeliveryQueue(parts.concurrency, (held) => this.#deliver(held));
    this.#lanes = new KeyLanes((held) => void this.#queue.add(held), parts.redeliveryDelayMs);
  }

  /** Resolves once the broker has the subscription. */
  static async start(parts: SubscriptionParts, signal: AbortSignal): Promise<PulsarSubscription> {
    const subscription = new PulsarSubscription(parts);
    subscription.#consumer = await parts.openConsumer(subscription, signal);
    subscription.#consumer.roomChanged();
    return subscription;
  }

  get full(): boolean {
    return this.#bytes >= maxBytes;
  }

  get room(): number {
    if (this.#paused || this.#closing || this.full) return 0;
    const byBytes = Math.max(1, Math.floor((maxBytes - this.#bytes) / this.#estimate));
    return Math.min(this.#parts.window - this.#held.size, byBytes);
  }

  receive({ id, data, properties, key }: Delivery): void {
    const { topic, laneOf, decode, logger } = this.#parts;
    // delivered again while it is in flight: whoever handles it settles it
    if (this.#closing || this.#held.has(id)) return;
    if (this.#partial.isSettled(id)) {
      this.#consumer?.acknowledge(id);
      return;
    }
    this.#estimate = Math.max(data.byteLength, this.#estimate * 0.9, 256);
    let payload: Uint8Array;
    try {
      payload = decode(data);
    } catch (error) {
      logger.warn(
        `a message of topic "${topic}" is handed over as it is, though its schema does not fit: ${errorMessage(error)}`,
      );
      payload = data;
    }
    const lane = laneOf({ id, data, properties, ...(key !== undefined && { key }) });
    const held: Held = { id, lane, message: { topic, data: payload, metadata: properties } };
    this.#held.set(id, held);
    this.#bytes += payload.byteLength;
    if (lane === undefined) this.#queue.add(held);
    else this.#lanes.add(lane, held);
  }

  /** What is in flight goes on and is acknowledged when the connection is back; the rest comes again from the broker. */
  lost(): void {
    this.#letGoWaiting();
  }

  /** When what is in flight has ended, the consumer leaves, so that other instances get what it has not handled. */
  async pause(): Promise<void> {
    if (this.#paused || this.#closing) return;
    this.#paused = true;
    this.#queue.pause();
    this.#changing = this.#changing.then(async () => {
      await this.#queue.settled();
      if (!this.#paused || this.#closing) return;
      const consumer = this.#consumer;
      this.#consumer = undefined;
      this.#letGoWaiting();
      await consumer?.close();
    });
  }

  async resume(): Promise<void> {
    if (!this.#paused || this.#closing) return;
    this.#paused = false;
    this.#queue.resume();
    this.#consumer?.roomChanged();
    this.#changing = this.#changing.then(() => this.#reopen());
    // it need not wait for what is in flight
    if (!this.#consumer) await this.#changing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#end.abort(new Error('the subscription has ended'));
    this.#queue.close();
    this.#lanes.clear(new Set());
    await this.#queue.settled();
    await this.#changing;
    // the broker gives what is not acknowledged to others
    await this.#consumer?.close();
    this.#parts.ended();
  }

  async #reopen(): Promise<void> {
    const { openConsumer, logger, topic } = this.#parts;
    for (let isFirst = true; !this.#consumer && !this.#paused && !this.#closing; isFirst = false) {
      try {
        this.#consumer = await openConsumer(this, this.#end.signal);
        this.#consumer.roomChanged();
      } catch (error) {
        if (this.#end.signal.aborted) return;
        if (isFirst)
          logger.warn(`cannot resume the subscription to topic "${topic}" yet, trying again: ${errorMessage(error)}`);
        await sleep(reopenPauseMs, this.#end.signal).catch(() => {});
      }
    }
  }

  async #deliver(held: Held): Promise<void> {
    const { id, lane, message } = held;
    this.#running.add(held);
    let isHandled = true;
    try {
      await this.#parts.handler(message, this.#signal);
    } catch (error) {
      isHandled = DropMessage.is(error);
    }
    this.#running.delete(held);
    if (isHandled) {
      this.#partial.settle(id);
      this.#letGo(held);
      this.#consumer?.acknowledge(id);
      if (lane !== undefined) this.#lanes.next(lane);
    } else if (lane === undefined || this.#closing) {
      this.#letGo(held);
      if (!this.#closing) this.#consumer?.redeliverLater(id);
    } else this.#lanes.retry(lane, held);
    this.#consumer?.roomChanged();
  }

  #letGo({ id, message }: Held): void {
    if (this.#held.delete(id)) this.#bytes -= message.data.byteLength;
  }

  #letGoWaiting(): void {
    this.#queue.takeWaiting();
    this.#lanes.clear(new Set([...this.#running].map(({ lane }) => lane)));
    for (const held of this.#held.values()) if (!this.#running.has(held)) this.#letGo(held);
  }
}
