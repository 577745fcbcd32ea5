import {
  abortable,
  DeliveryQueue,
  DropMessage,
  errorMessage,
  type Logger,
  type Message,
  type MessageHandler,
  sleep,
  type Subscription,
} from '@outrigger/core';
import type { ConsumeMessage } from 'amqplib';
import type { BrokerConnection } from './broker-connection.ts';
import { declarationError } from './broker-error.ts';
import { ConsumingChannel } from './consuming-channel.ts';
import { DeclaringChannel } from './declaring-channel.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import { FetchWindow } from './fetch-window.ts';
import { inTime } from './in-time.ts';
import { receivedMetadata } from './message-properties.ts';
import type { QueuePlan, Topology } from './topology.ts';

export interface SubscriptionParts {
  readonly connection: BrokerConnection;
  readonly topology: Topology;
  readonly plan: QueuePlan;
  readonly settings: DeliverySettings;
  /** The longest pause between two attempts to get the queue back. */
  readonly reconnectWaitMs: number;
  readonly handler: MessageHandler;
  readonly logger: Logger;
  readonly ended: () => void;
}

interface Held {
  readonly message: Message;
  readonly raw: ConsumeMessage;
  /** Only the channel that brought it can acknowledge it. */
  readonly channel: ConsumingChannel;
}

const longestRedeliverMs = 30_000;
const firstPauseMs = 100;

/** One queue of the broker with its handler: fetches, hands over, acknowledges, and gets everything back when it was lost. */
export class RabbitMqSubscription implements Subscription {
  readonly #parts: SubscriptionParts;
  readonly #queue: DeliveryQueue<Held>;
  readonly #window: FetchWindow;
  readonly #ended = new AbortController();
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  /** Aborts when what failed shall not be tried again here. */
  #leaving = new AbortController();
  #channel: ConsumingChannel | undefined;
  #autoDelete = false;
  #paused = false;
  /** Nothing is consumed until some of what is held has been handled. */
  #throttled = false;
  #closing: Promise<void> | undefined;

  private constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#window = new FetchWindow(parts.settings.prefetch, parts.settings.careful);
    this.#queue = new DeliveryQueue(parts.settings.concurrency, (held) => this.#deliver(held), {
      sizeOf: ({ raw }) => raw.content.length,
      maxBytes: FetchWindow.maxBytes,
    });
  }

  /** Resolves once the queue is bound and consumed. The signal covers only this. */
  static async start(parts: SubscriptionParts, signal: AbortSignal): Promise<RabbitMqSubscription> {
    const subscription = new RabbitMqSubscription(parts);
    const stop = (): void => subscription.#ended.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const attached = subscription.#attach();
      void subscription.#run(await abortable(attached, signal));
      return subscription;
    } catch (error) {
      subscription.#ended.abort();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#queue.pause();
    this.#leaving.abort();
    // without a consumer such a queue would be deleted, so what was fetched waits here
    if (this.#autoDelete) return;
    await inTime(this.#change((channel) => channel.cancel()));
    if (this.#paused) this.#giveBack(this.#queue.takeWaiting());
  }

  async resume(): Promise<void> {
    if (this.#closing || !this.#paused) return;
    this.#paused = false;
    this.#leaving = new AbortController();
    this.#queue.resume();
    await inTime(this.#change((channel) => channel.consume(this.#prefetch)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#queue.pause();
    this.#ended.abort();
    this.#leaving.abort();
    await inTime(this.#change((channel) => channel.cancel()));
    this.#giveBack(this.#queue.close());
    await this.#queue.settled();
    await this.#channel?.close(this.#parts.plan);
    this.#parts.ended();
  }

  /** Gets the queue back, for ever, whatever it was lost by. */
  async #run(first: ConsumingChannel): Promise<void> {
    const { logger, plan, reconnectWaitMs, connection } = this.#parts;
    const { signal } = this.#ended;
    for (let channel = first; ;) {
      const since = performance.now();
      const reason = await channel.lost;
      this.#detach();
      if (signal.aborted) return;
      if (connection.model) {
        logger.warn(
          `queue "${plan.queue}" was lost, getting it back: ${errorMessage(reason ?? 'the channel was closed')}`,
        );
      }
      // what is lost again at once is not asked for in a loop
      const short = performance.now() - since < reconnectWaitMs;
      const next = await this.#reattach(short && connection.model ? firstPauseMs : 0);
      if (!next) return;
      channel = next;
    }
  }

  /** Undefined when the subscription ended meanwhile. */
  async #reattach(firstWaitMs: number): Promise<ConsumingChannel | undefined> {
    const { logger, plan, reconnectWaitMs, connection } = this.#parts;
    const { signal } = this.#ended;
    let told = '';
    for (
      let wait = firstWaitMs;
      ;
      wait = Math.min(Math.max(wait * 2, firstPauseMs), Math.max(reconnectWaitMs, firstPauseMs))
    ) {
      try {
        await sleep(wait, signal);
        const channel = await this.#attach();
        if (told !== '') logger.info(`queue "${plan.queue}" is back`);
        return channel;
      } catch (error) {
        if (signal.aborted) return undefined;
        const message = errorMessage(error);
        // while the connection is away, that is what is told
        if (!connection.model || message === told) continue;
        told = message;
        logger.error(`topic "${plan.topic}" gets no messages, trying again: ${message}`);
      }
    }
  }

  /** Declares, binds and consumes, once the connection is there. */
  async #attach(): Promise<ConsumingChannel> {
    const { connection, topology, plan } = this.#parts;
    const { signal } = this.#ended;
    const model = await connection.ready(signal);
    {
      await using declaring = new DeclaringChannel(() => model);
      const { autoDelete } = await topology.declare(plan, () => declaring.open());
      this.#autoDelete = autoDelete;
    }
    const channel = await ConsumingChannel.open(model, plan.queue, (raw) => this.#accept(channel, raw));
    this.#throttled = false;
    this.#channel = channel;
    try {
      await channel.consume(this.#prefetch);
      signal.throwIfAborted();
    } catch (error) {
      this.#detach();
      void channel.close();
      throw signal.aborted ? error : declarationError(error, `queue "${plan.queue}"`);
    }
    return channel;
  }

  /** What the lost channel has brought comes again; what of it is being handled ends here without an answer. */
  #detach(): void {
    this.#channel = undefined;
    this.#queue.takeWaiting();
    this.#leaving.abort();
    if (!this.#paused && !this.#closing) this.#leaving = new AbortController();
  }

  readonly #prefetch = (): number | undefined => {
    const unwanted = this.#throttled || (this.#paused && !this.#autoDelete) || this.#ended.signal.aborted;
    return unwanted ? undefined : this.#window.size;
  };

  /** Never rejects: when the channel is lost, whoever gets it back consumes as it should be then. */
  async #change(change: (channel: ConsumingChannel) => Promise<void>): Promise<void> {
    if (!this.#channel) return;
    try {
      await change(this.#channel);
    } catch (error) {
      this.#parts.logger.debug(`queue "${this.#parts.plan.queue}": ${errorMessage(error)}`);
    }
  }

  #accept(channel: ConsumingChannel, raw: ConsumeMessage): void {
    if (channel !== this.#channel) return;
    const { plan, settings } = this.#parts;
    const metadata = receivedMetadata(raw.properties, settings.withProperties);
    const held: Held = { message: { topic: plan.topic, data: raw.content, metadata }, raw, channel };
    this.#window.arrived(raw.content.length);
    if (!this.#queue.add(held)) this.#giveBack([held]);
    else if (this.#queue.full) this.#throttle();
    else if (this.#window.mayWiden && !this.#paused) this.#widen();
  }

  /** Fetches nothing until there is room. A queue that would be deleted without a consumer keeps it, and its prefetch. */
  #throttle(): void {
    if (this.#throttled || this.#autoDelete || this.#closing) return;
    this.#throttled = true;
    this.#window.adapt();
    void this.#change((channel) => channel.cancel());
  }

  #roomMade(): void {
    if (!this.#throttled || this.#queue.bytes > FetchWindow.maxBytes / 2) return;
    this.#throttled = false;
    void this.#change((channel) => channel.consume(this.#prefetch));
  }

  #widen(): void {
    this.#window.adapt();
    void this.#change((channel) => channel.adapt(this.#prefetch, this.#autoDelete));
  }

  async #deliver(held: Held): Promise<void> {
    const { settings, handler } = this.#parts;
    if (settings.autoAck) this.#answer(held, 'ack');
    // one whose channel is lost comes again by itself
    for (let failures = 0; settings.autoAck || held.channel === this.#channel;) {
      try {
        await handler(held.message, this.#signal);
        if (!settings.autoAck) this.#answer(held, 'ack');
        break;
      } catch (error) {
        if (settings.autoAck) break;
        if (DropMessage.is(error)) {
          this.#answer(held, 'ack');
          break;
        }
        if (!(await this.#tryAgain(held, failures++))) break;
      }
    }
    // once the queue has taken its bytes off
    if (this.#throttled) setImmediate(() => this.#roomMade());
  }

  /** Decides what becomes of a message that failed: true, after a pause, when it is to be handed over again here. */
  async #tryAgain(held: Held, failures: number): Promise<boolean> {
    const { deadLetterFailed, requeueFailed, redeliverIntervalMs } = this.#parts.settings;
    const { signal } = this.#leaving;
    if (!signal.aborted && deadLetterFailed) {
      this.#answer(held, 'reject');
      return false;
    }
    try {
      await sleep(Math.min(redeliverIntervalMs * 2 ** Math.min(failures, 20), longestRedeliverMs), signal);
      if (!requeueFailed) return true;
    } catch {
      // leaving: others can have it at once
    }
    this.#answer(held, 'requeue');
    return false;
  }

  #giveBack(all: readonly Held[]): void {
    for (const held of all) this.#answer(held, 'requeue');
  }

  #answer({ raw, channel }: Held, answer: 'ack' | 'requeue' | 'reject'): void {
    if (channel !== this.#channel) return;
    try {
      channel.answer(raw, answer);
    } catch (error) {
      // the channel is just being lost, and the broker gives the message out again
      this.#parts.logger.debug(
        `could not answer for a message of topic "${this.#parts.plan.topic}": ${errorMessage(error)}`,
      );
    }
  }
}
