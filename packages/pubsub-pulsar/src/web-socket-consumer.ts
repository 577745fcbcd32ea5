import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage, type Logger, type RequestMetadata } from '@outrigger/core';
import type { Outage } from './outage.ts';
import type { Consumer, Receiver } from './transport.ts';
import type { WebSocketLink } from './web-socket-link.ts';

interface ConsumerParts {
  readonly connect: (signal: AbortSignal) => Promise<WebSocketLink>;
  readonly receiver: Receiver;
  readonly outage: Outage;
  readonly logger: Logger;
}

interface DeliveredMessage {
  readonly messageId: string;
  readonly payload: string;
  readonly properties?: RequestMetadata | null;
  readonly key?: string;
}

const firstPauseMs = 100;
const longestPauseMs = 5000;

/** Asks for as many messages as the receiver has room for, and no more: the API's pull mode. */
export class WebSocketConsumer implements Consumer {
  readonly #parts: ConsumerParts;
  readonly #closed = new AbortController();
  /** Acknowledged while the connection was lost; told the server when it is back, and once more should they come again. */
  readonly #late = new Set<string>();
  #link: WebSocketLink | undefined;
  /** Messages that were asked for and have not come yet. */
  #asked = 0;
  #reconnecting: Promise<void> | undefined;

  private constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  static async open(parts: ConsumerParts, signal: AbortSignal): Promise<WebSocketConsumer> {
    const consumer = new WebSocketConsumer(parts);
    consumer.#start(await parts.connect(signal));
    return consumer;
  }

  roomChanged(): void {
    const { receiver } = this.#parts;
    if (!this.#link) return;
    this.#link.hold(receiver.full);
    const more = receiver.room - this.#asked;
    // in some portions, rather than one request for each message that is handled
    if (more <= 0 || (this.#asked > 0 && more < this.#asked / 2)) return;
    this.#asked += more;
    this.#link.send({ type: 'permit', permitMessages: more });
  }

  acknowledge(id: string): void {
    if (this.#link?.isOpen) this.#link.send({ messageId: id });
    else this.#late.add(id);
  }

  redeliverLater(id: string): void {
    // without a connection the broker redelivers it anyway
    if (this.#link?.isOpen) this.#link.send({ type: 'negativeAcknowledge', messageId: id });
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('closed'));
    this.#parts.outage.forget(this);
    await this.#reconnecting;
    await this.#link?.close();
  }

  #start(link: WebSocketLink): void {
    this.#link = link;
    this.#asked = 0;
    link.start(
      (text) => this.#receive(text),
      (reason) => {
        this.#link = undefined;
        if (this.#closed.signal.aborted) return;
        this.#parts.receiver.lost();
        this.#parts.outage.begins(this, reason);
        this.#late.clear();
        this.#reconnecting = this.#reconnect();
      },
    );
    for (const messageId of this.#late) link.send({ messageId });
    this.roomChanged();
  }

  #receive(text: string): void {
    // what comes while it closes goes back to the broker with all that is not acknowledged
    if (this.#closed.signal.aborted) return;
    const { messageId, payload, properties, key } = JSON.parse(text) as DeliveredMessage;
    this.#asked = Math.max(0, this.#asked - 1);
    if (this.#late.delete(messageId)) this.acknowledge(messageId);
    else {
      const data = Buffer.from(payload, 'base64');
      this.#parts.receiver.receive({
        id: messageId,
        data,
        properties: properties ?? {},
        ...(key !== undefined && { key }),
      });
    }
    this.roomChanged();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closed;
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      try {
        // spread, so that many subscriptions do not come back in the same moment
        await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false });
        const link = await this.#parts.connect(signal);
        this.#parts.outage.ends(this);
        this.#start(link);
        return;
      } catch (error) {
        this.#parts.logger.debug(`Pulsar is not back yet: ${errorMessage(error)}`);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  }
}
