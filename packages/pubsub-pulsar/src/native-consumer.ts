import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage, type Logger } from '@outrigger/core';
import type { NativeConsumer as Client, NativeMessage } from './native-client.ts';
import type { Consumer, Receiver } from './transport.ts';

/** How long one call waits for a message; the end of a subscription is noticed after it. */
const waitMs = 500;

/** The client connects again by itself, and keeps what it has fetched through it. */
export class NativeConsumer implements Consumer {
  readonly #client: Client;
  readonly #receiver: Receiver;
  readonly #logger: Logger;
  readonly #messages = new Map<string, NativeMessage>();
  readonly #acknowledging = new Set<Promise<unknown>>();
  #roomChanged = Promise.withResolvers<void>();
  #closed = false;
  readonly #receiving: Promise<void>;

  constructor(client: Client, receiver: Receiver, logger: Logger) {
    this.#client = client;
    this.#receiver = receiver;
    this.#logger = logger;
    this.#receiving = this.#receive();
  }

  roomChanged(): void {
    this.#roomChanged.resolve();
  }

  acknowledge(id: string): void {
    const message = this.#take(id);
    if (!message) return;
    const acknowledging = this.#client
      .acknowledge(message)
      .catch((error: unknown) => {
        this.#logger.debug(`could not acknowledge a message, which will come again: ${errorMessage(error)}`);
      })
      .finally(() => this.#acknowledging.delete(acknowledging));
    this.#acknowledging.add(acknowledging);
  }

  redeliverLater(id: string): void {
    const message = this.#take(id);
    if (message) this.#client.negativeAcknowledge(message);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#roomChanged.resolve();
    await this.#receiving;
    await Promise.all(this.#acknowledging);
    await this.#client.close().catch((error: unknown) => {
      this.#logger.debug(`could not close a consumer: ${errorMessage(error)}`);
    });
  }

  #take(id: string): NativeMessage | undefined {
    const message = this.#messages.get(id);
    this.#messages.delete(id);
    return message;
  }

  async #receive(): Promise<void> {
    while (!this.#closed) {
      if (this.#receiver.room <= 0) {
        this.#roomChanged = Promise.withResolvers();
        await this.#roomChanged.promise;
        continue;
      }
      let message: NativeMessage;
      try {
        message = await this.#client.receive(waitMs);
      } catch (error) {
        if (!/timeout/i.test(errorMessage(error))) await delay(waitMs);
        continue;
      }
      if (this.#closed) return;
      const id = message.getMessageId().serialize().toString('base64');
      const key = message.getPartitionKey();
      this.#messages.set(id, message);
      this.#receiver.receive({
        id,
        data: message.getData(),
        properties: message.getProperties(),
        ...(key !== '' && { key }),
      });
    }
  }
}
