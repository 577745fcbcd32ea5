import { abortable, ComponentError } from '@outrigger/core';
import type { OutgoingMessage, Producer } from './transport.ts';
import type { WebSocketLink } from './web-socket-link.ts';

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Confirmation {
  readonly result: string;
  readonly errorMsg?: string;
  readonly context?: string;
}

/** How many bytes may wait to be sent; more wait their turn. */
const maxUnsentBytes = 16 * 1024 * 1024;

/** Publishes to one topic. Connects when there is something to send; a lost connection fails what waits for confirmation. */
export class WebSocketProducer implements Producer {
  readonly #connect: (signal: AbortSignal) => Promise<WebSocketLink>;
  readonly #maxPending: number;
  readonly #pending = new Map<string, Pending>();
  /** Who waits for room. Each that leaves without having used its turn passes it on. */
  readonly #turns = new Set<() => void>();
  #link: WebSocketLink | undefined;
  #connecting: Promise<WebSocketLink> | undefined;
  readonly #closed = new AbortController();
  #lastContext = 0;

  /** `maxPending`: how many messages may wait for their confirmation; more wait their turn. */
  constructor(connect: (signal: AbortSignal) => Promise<WebSocketLink>, maxPending = 1000) {
    this.#connect = connect;
    this.#maxPending = maxPending;
  }

  async send(
    { data, properties, key, deliverAt, deliverAfterMs }: OutgoingMessage,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    let link = await this.#open(signal);
    while (this.#pending.size >= this.#maxPending || link.unsent >= maxUnsentBytes) {
      await this.#turn(signal);
      link = await this.#open(signal).catch((error: unknown) => {
        this.#nextTurn();
        throw error;
      });
    }
    const context = String(++this.#lastContext);
    const confirmed = new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      const settled = () => signal.removeEventListener('abort', abort);
      this.#pending.set(context, {
        resolve: () => (settled(), resolve()),
        reject: (error) => (settled(), reject(error)),
      });
    });
    link.send({
      payload: toBase64(data),
      properties,
      context,
      ...(key !== undefined && { key }),
      ...(deliverAt !== undefined && { deliverAt }),
      ...(deliverAfterMs !== undefined && { deliverAfterMs }),
    });
    await confirmed;
  }

  /** What waits for confirmation gets it, or fails, before. */
  async close(): Promise<void> {
    this.#closed.abort(new ComponentError('unavailable', 'this broker is closed'));
    await this.#connecting?.catch(() => {});
    await this.#link?.close();
  }

  async #open(signal: AbortSignal): Promise<WebSocketLink> {
    this.#closed.signal.throwIfAborted();
    if (this.#link?.isOpen) return this.#link;
    // shared by all who send now, so that none of their signals may end it
    this.#connecting ??= this.#connect(this.#closed.signal)
      .then((link) => this.#start(link))
      .finally(() => {
        this.#connecting = undefined;
      });
    return abortable(this.#connecting, signal);
  }

  #start(link: WebSocketLink): WebSocketLink {
    this.#link = link;
    link.start(
      (text) => this.#confirm(text),
      (reason) => {
        if (this.#link === link) this.#link = undefined;
        const error = lostError(reason);
        for (const pending of this.#pending.values()) pending.reject(error);
        this.#pending.clear();
        for (const next of this.#turns) next();
        this.#turns.clear();
      },
    );
    return link;
  }

  #confirm(text: string): void {
    const { result, errorMsg, context = '' } = JSON.parse(text) as Confirmation;
    const pending = this.#pending.get(context);
    this.#pending.delete(context);
    if (result === 'ok') pending?.resolve();
    else pending?.reject(new ComponentError('unavailable', `Pulsar did not take the message: ${errorMsg ?? result}`));
    this.#nextTurn();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.add(resolve);
    try {
      await abortable(promise, signal);
    } catch (error) {
      if (!this.#turns.delete(resolve)) this.#nextTurn();
      throw error;
    }
  }

  #nextTurn(): void {
    const [next] = this.#turns;
    if (!next) return;
    this.#turns.delete(next);
    next();
  }
}

function toBase64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

// The server ends the connection on which a message comes that is larger than it is set up to take.
function lostError(reason: string): ComponentError {
  if (/message too large/i.test(reason)) {
    return new ComponentError(
      'invalid-argument',
      `the message is larger than Pulsar's WebSocket API takes (${reason}, counted in base64): raise webSocketMaxTextFrameSize in the broker's configuration`,
    );
  }
  return new ComponentError(
    'unavailable',
    `lost the connection to Pulsar before the message was confirmed; whether it was taken is not known: ${reason}`,
  );
}
