import { DeliveryQueue, DropMessage, type Message, type MessageHandler, type Subscription } from '@outrigger/core';

/** What a queued message costs besides its payload, roughly. */
const overheadBytes = 256;

const firstRetryMs = 100;
const longestRetryMs = 10_000;

interface Queued {
  readonly message: Message;
  readonly failures: number;
}

export function sizeOf(message: Message): number {
  return message.data.byteLength + overheadBytes;
}

/**
 * One subscription: its queue and its handler, `concurrency` messages at a time (one, unless batches are collected). A message whose handler rejects comes again after
 * 100 ms, then 200 ms, and so on up to 10 s, for as long as it fails; messages behind it do not wait for it.
 */
export class Subscriber implements Subscription {
  /** Bytes of the messages that are queued, being handled or waiting to be tried again. */
  queuedBytes = 0;

  readonly #queue: DeliveryQueue<Queued>;
  readonly #retries = new Map<NodeJS.Timeout, Queued>();
  readonly #handler: MessageHandler;
  readonly #leave: (unhandled: readonly Message[]) => void;
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #closing: Promise<void> | undefined;

  /** `leave` is called at disposal with what was not handed over, and then for each handler in flight that still fails. */
  constructor(handler: MessageHandler, concurrency: number, leave: (unhandled: readonly Message[]) => void) {
    this.#handler = handler;
    this.#leave = leave;
    this.#queue = new DeliveryQueue(concurrency, (queued) => this.#deliver(queued));
  }

  add(message: Message): void {
    this.queuedBytes += sizeOf(message);
    this.#queue.add({ message, failures: 0 });
  }

  async pause(): Promise<void> {
    this.#queue.pause();
  }

  async resume(): Promise<void> {
    this.#queue.resume();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const unhandled = [...this.#retries.values(), ...this.#queue.close()];
    for (const timer of this.#retries.keys()) clearTimeout(timer);
    this.#leave(unhandled.map(({ message }) => message));
    await this.#queue.settled();
  }

  async #deliver(queued: Queued): Promise<void> {
    try {
      await this.#handler(queued.message, this.#signal);
    } catch (error) {
      if (!DropMessage.is(error)) {
        this.#retry({ message: queued.message, failures: queued.failures + 1 });
        return;
      }
    }
    this.queuedBytes -= sizeOf(queued.message);
  }

  #retry(queued: Queued): void {
    if (this.#closing) {
      this.#leave([queued.message]);
      return;
    }
    const delay = Math.min(longestRetryMs, firstRetryMs * 2 ** (queued.failures - 1));
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#queue.add(queued);
    }, delay);
    this.#retries.set(timer, queued);
  }
}
