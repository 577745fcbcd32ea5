import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import type { ConfirmChannel, Options } from 'amqplib';
import type { BrokerConnection } from './broker-connection.ts';
import { declarationError, replyCode } from './broker-error.ts';
import { DeclaringChannel } from './declaring-channel.ts';
import type { Publication } from './message-properties.ts';
import { SignalWatch } from './signal-watch.ts';
import type { Topology } from './topology.ts';

export interface PublisherOptions {
  readonly connection: BrokerConnection;
  readonly topology: Topology;
  readonly logger: Logger;
  /** How long a message waits to be sent while the broker is away or takes none. */
  readonly patienceMs: number;
}

/** A message that was not sent yet, or not confirmed yet. */
interface Outgoing {
  readonly topic: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
  readonly since: number;
  /** Sent, or given up. */
  done: boolean;
  readonly settle: (error?: unknown) => void;
}

/** What may be on its way to the broker without its confirmation. */
const mostUnconfirmed = 2000;
const mostUnconfirmedBytes = 16 * 1024 * 1024;
/** Before a channel that could not be opened is asked for again. */
const channelPauseMs = 100;

/**
 * Sends messages in the order they come, many at a time, and settles each when the broker has confirmed it. What was sent when
 * the connection is lost has failed, since nobody knows whether the broker has it; what was not waits for the next connection.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** In their order; what is done is passed over, and all before `head` is. */
  #waiting: Outgoing[] = [];
  #head = 0;
  /** When the broker has last confirmed something. */
  #progress = 0;
  #pumpDue = false;
  readonly #sent = new Set<Outgoing>();
  readonly #exchanges = new Set<string>();
  readonly #signals = new SignalWatch<Outgoing>((outgoing, reason) => {
    outgoing.done = true;
    outgoing.settle(reason);
  });
  #sentBytes = 0;
  #channel: ConfirmChannel | undefined;
  readonly #declaring: DeclaringChannel;
  /** A channel is being opened or an exchange declared: nothing is sent until then. */
  #busy = false;
  #drained = true;
  #closed = false;
  #patience: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#declaring = new DeclaringChannel(() => options.connection.model);
    options.connection.changed = () => this.#pump();
  }

  /** Resolves once the broker has confirmed the message. */
  publish(topic: string, data: Uint8Array, { routingKey, options }: Publication, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#closed) throw closedError();
      const outgoing: Outgoing = {
        topic,
        routingKey,
        content: Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        options,
        since: performance.now(),
        done: false,
        settle: (error) => {
          this.#signals.unwatch(signal, outgoing);
          if (error === undefined) resolve();
          else reject(error instanceof Error ? error : new Error(errorMessage(error)));
        },
      };
      this.#signals.watch(signal, outgoing);
      this.#waiting.push(outgoing);
      this.#pump();
    });
  }

  /** Waits for what was sent to be confirmed, for as long as the connection lives and at most `patienceMs`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#patience);
    for (let next = this.#next; next; next = this.#next) {
      next.done = true;
      next.settle(closedError());
    }
    if (this.#sent.size === 0) return;
    const settled = new Promise<void>((resolve) => {
      this.#idle = resolve;
      this.#patience = setTimeout(resolve, this.#options.patienceMs);
    });
    await settled;
    clearTimeout(this.#patience);
  }

  #pump(): void {
    if (this.#busy || !this.#next) return;
    const { connection } = this.#options;
    if (connection.model && !this.#channel) void this.#while(() => this.#openChannel());
    const channel = this.#channel;
    if (channel && connection.blocked === undefined) {
      for (let outgoing = this.#next; outgoing; outgoing = this.#next) {
        if (!this.#drained || this.#sent.size >= mostUnconfirmed || this.#sentBytes >= mostUnconfirmedBytes) break;
        if (!this.#exchanges.has(outgoing.topic)) {
          const { topic } = outgoing;
          void this.#while(() => this.#declare(topic));
          break;
        }
        outgoing.done = true;
        this.#send(channel, outgoing);
        if (this.#channel !== channel) break;
      }
    }
    this.#watchPatience();
  }

  /** The first that still waits. */
  get #next(): Outgoing | undefined {
    while (this.#waiting[this.#head]?.done) this.#head++;
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return this.#waiting[this.#head];
  }

  #send(channel: ConfirmChannel, outgoing: Outgoing): void {
    const { topic, routingKey, content, options, settle } = outgoing;
    let open = true;
    const confirmed = (error: unknown): void => {
      if (!open) return;
      open = false;
      this.#sent.delete(outgoing);
      this.#sentBytes -= content.length;
      settle(error ? unconfirmed(error, topic) : undefined);
      if (this.#sent.size === 0) this.#idle?.();
      this.#progress = performance.now();
      // what waits for room goes out once the confirmations that came together are through
      if (this.#pumpDue || this.#waiting.length === 0) return;
      this.#pumpDue = true;
      queueMicrotask(() => {
        this.#pumpDue = false;
        this.#pump();
      });
    };
    this.#sent.add(outgoing);
    this.#sentBytes += content.length;
    try {
      this.#drained = channel.publish(topic, routingKey, content, options, confirmed);
    } catch (error) {
      open = false;
      this.#sent.delete(outgoing);
      this.#sentBytes -= content.length;
      // it could not be encoded, and nothing of it was sent; or the channel is just being closed
      const code = errorMessage(error).startsWith('Channel clos') ? 'unavailable' : 'invalid-argument';
      settle(new ComponentError(code, `the message cannot be sent: ${errorMessage(error)}`, { cause: error }));
    }
  }

  async #while(work: () => Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await work();
    } finally {
      this.#busy = false;
      this.#pump();
    }
  }

  async #openChannel(): Promise<void> {
    const { connection, logger } = this.#options;
    try {
      const channel = await connection.model?.createConfirmChannel();
      if (!channel) return;
      channel.on('error', (error) => {
        // an exchange that somebody has deleted is made again
        if (replyCode(error) === 404) this.#exchanges.clear();
        logger.warn(`the broker has closed the channel for publishing: ${errorMessage(error)}`);
      });
      channel.on('drain', () => {
        this.#drained = true;
        this.#pump();
      });
      channel.on('close', () => {
        if (this.#channel !== channel) return;
        this.#channel = undefined;
        this.#pump();
      });
      this.#drained = true;
      this.#exchanges.clear();
      this.#channel = channel;
    } catch (error) {
      logger.debug(`cannot open a channel for publishing yet: ${errorMessage(error)}`);
      // the connection is just being closed, or has no channel left: not asked again in a loop
      await delay(channelPauseMs, undefined, { ref: false });
    }
  }

  async #declare(topic: string): Promise<void> {
    const { connection, topology } = this.#options;
    const channel = this.#channel;
    try {
      await topology.declareExchange(await this.#declaring.open(), topic);
      if (this.#channel === channel) this.#exchanges.add(topic);
    } catch (error) {
      // the connection is lost: the next one tries again
      if (replyCode(error) === undefined && (!connection.model || this.#channel !== channel)) return;
      const failure = declarationError(error, `exchange "${topic}"`);
      for (const outgoing of this.#waiting) {
        if (outgoing.done || outgoing.topic !== topic) continue;
        outgoing.done = true;
        outgoing.settle(failure);
      }
    }
  }

  // The oldest stands first, and all have the same patience, which begins anew whenever the broker confirms something.
  #watchPatience(): void {
    if (this.#patience || this.#closed) return;
    const oldest = this.#next;
    if (!oldest) return;
    const left = Math.max(oldest.since, this.#progress) + this.#options.patienceMs - performance.now();
    this.#patience = setTimeout(
      () => {
        this.#patience = undefined;
        // a process that was held up has confirmations to read first
        setImmediate(() => this.#giveUpOld());
      },
      Math.max(1, left),
    );
  }

  #giveUpOld(): void {
    const { connection, patienceMs } = this.#options;
    const why =
      connection.blocked === undefined
        ? connection.model
          ? 'the broker is too slow'
          : 'the broker cannot be reached'
        : `the broker takes no messages for now (${connection.blocked})`;
    const now = performance.now();
    for (let oldest = this.#next; oldest; oldest = this.#next) {
      if (Math.max(oldest.since, this.#progress) + patienceMs > now) break;
      oldest.done = true;
      oldest.settle(new ComponentError('unavailable', `not published to "${oldest.topic}": ${why}`));
    }
    this.#watchPatience();
  }
}

function closedError(): ComponentError {
  return new ComponentError('unavailable', 'this broker is closed');
}

function unconfirmed(error: unknown, topic: string): ComponentError {
  const refused = errorMessage(error) === 'message nacked';
  const why = refused
    ? `the broker refused the message for "${topic}": a queue of it is full or failed`
    : `the connection was lost before the broker confirmed the message for "${topic}": it may have it or not`;
  return new ComponentError('unavailable', why, { cause: error });
}
