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
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { BrokerConnection } from './broker-connection.ts';
import { declarationError } from './broker-error.ts';
import { FetchWindow } from './fetch-window.ts';
import { receivedMetadata } from './message-properties.ts';
import type { QueuePlan, Topology } from './topology.ts';

export interface DeliverySettings {
  /** Acknowledge when handing over, whatever becomes of the message. */
  readonly autoAck: boolean;
  /** A failed message leaves for the dead-letter exchange at once. */
  readonly deadLetterFailed: boolean;
  /** A failed message goes back to the queue, after a pause, for whichever instance comes first. */
  readonly requeueFailed: boolean;
  /** How many are with the handler at a time. */
  readonly concurrency: number;
  /** How many the broker sends ahead of their acknowledgement. */
  readonly prefetch: number;
  /** Begin with few and fetch more once it is known how large they are. */
  readonly careful: boolean;
  /** The first pause before a failed message is tried again; it doubles with each failure. */
  readonly redeliverIntervalMs: number;
  readonly withProperties: boolean;
}

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
  readonly channel: Channel;
}

const longestRedeliverMs = 30_000;
const firstPauseMs = 100;
/** How long a farewell to the broker may take. */
const closeMs = 3000;

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
  #channel: Channel | undefined;
  #consumers: string[] = [];
  #autoDelete = false;
  #paused = false;
  /** Nothing is consumed until some of what is held has been handled. */
  #throttled = false;
  /** Changes of what is consumed come one after the other. */
  #switching: Promise<void> = Promise.resolve();
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
      void subscription.#run((await orAborted(attached, signal)).lost);
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
    await inTime(this.#switch((channel) => this.#cancel(channel, this.#consumers.splice(0))));
    if (this.#paused) this.#giveBack(this.#queue.takeWaiting());
  }

  async resume(): Promise<void> {
    if (this.#closing || !this.#paused) return;
    this.#paused = false;
    this.#leaving = new AbortController();
    this.#queue.resume();
    await inTime(this.#switch((channel) => this.#consume(channel)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#queue.pause();
    this.#ended.abort();
    this.#leaving.abort();
    await inTime(this.#switch((channel) => this.#cancel(channel, this.#consumers.splice(0))));
    this.#giveBack(this.#queue.close());
    await this.#queue.settled();
    // answered once the broker has seen every acknowledgement
    if (this.#channel) await inTime(this.#channel.close());
    this.#parts.ended();
  }

  /** Gets the queue back, for ever, whatever it was lost by. */
  async #run(first: Promise<unknown>): Promise<void> {
    const { logger, plan, reconnectWaitMs, connection } = this.#parts;
    const { signal } = this.#ended;
    for (let lost = first; ;) {
      const since = performance.now();
      const reason = await lost;
      this.#detach();
      if (signal.aborted) return;
      if (connection.model) {
        logger.warn(
          `queue "${plan.queue}" was lost, getting it back: ${errorMessage(reason ?? 'the channel was closed')}`,
        );
      }
      // what is lost again at once is not asked for in a loop
      const short = performance.now() - since < reconnectWaitMs;
      const attachment = await this.#reattach(short && connection.model ? firstPauseMs : 0);
      if (!attachment) return;
      lost = attachment.lost;
    }
  }

  /** Undefined when the subscription ended meanwhile. */
  async #reattach(firstWaitMs: number): Promise<Attachment | undefined> {
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
        const attachment = await this.#attach();
        if (told !== '') logger.info(`queue "${plan.queue}" is back`);
        return attachment;
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
  async #attach(): Promise<Attachment> {
    const { connection, topology, plan } = this.#parts;
    const { signal } = this.#ended;
    const model = await connection.ready(signal);
    {
      await using declaring = new DeclaringChannel(model);
      const { autoDelete } = await topology.declare(plan, () => declaring.open());
      this.#autoDelete = autoDelete;
    }
    const channel = await model.createChannel();
    const lost = Promise.withResolvers<unknown>();
    channel.on('error', (error) => lost.resolve(error));
    channel.on('close', () => lost.resolve(undefined));
    try {
      signal.throwIfAborted();
      this.#throttled = false;
      this.#channel = channel;
      this.#cancelled = (): void => {
        lost.resolve(new Error('the broker has cancelled the consumer, as it does when the queue is deleted'));
        void inTime(channel.close());
      };
      if (!this.#paused || this.#autoDelete) await this.#consume(channel);
      signal.throwIfAborted();
    } catch (error) {
      this.#detach();
      void inTime(channel.close());
      throw signal.aborted ? error : declarationError(error, `queue "${plan.queue}"`);
    }
    return { lost: lost.promise };
  }

  #cancelled: () => void = () => {};

  /** What the lost channel has brought comes again; what of it is being handled ends here without an answer. */
  #detach(): void {
    this.#channel = undefined;
    this.#consumers = [];
    this.#queue.takeWaiting();
    this.#leaving.abort();
    if (!this.#paused && !this.#closing) this.#leaving = new AbortController();
  }

  #switch(work: (channel: Channel) => Promise<void>): Promise<void> {
    this.#switching = this.#switching.then(async () => {
      const channel = this.#channel;
      try {
        if (channel) await work(channel);
      } catch (error) {
        // the channel is lost; whoever gets it back consumes as it should be then
        this.#parts.logger.debug(`queue "${this.#parts.plan.queue}": ${errorMessage(error)}`);
      }
    });
    return this.#switching;
  }

  async #consume(channel: Channel): Promise<void> {
    if (this.#consumers.length > 0 || this.#throttled || this.#ended.signal.aborted) return;
    if (this.#paused && !this.#autoDelete) return;
    await this.#addConsumer(channel);
  }

  async #addConsumer(channel: Channel): Promise<void> {
    await channel.prefetch(this.#window.size);
    const { consumerTag } = await channel.consume(this.#parts.plan.queue, (raw) => {
      if (channel !== this.#channel) return;
      if (raw) this.#accept(channel, raw);
      else this.#cancelled();
    });
    if (channel === this.#channel) this.#consumers.push(consumerTag);
  }

  async #cancel(channel: Channel, consumers: readonly string[]): Promise<void> {
    for (const tag of consumers) await channel.cancel(tag);
  }

  #accept(channel: Channel, raw: ConsumeMessage): void {
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
    void this.#switch((channel) => this.#cancel(channel, this.#consumers.splice(0)));
  }

  #roomMade(): void {
    if (!this.#throttled || this.#queue.bytes > FetchWindow.maxBytes / 2) return;
    this.#throttled = false;
    void this.#switch((channel) => this.#consume(channel));
  }

  // the new consumer comes before the old one goes, so that the queue always has one
  #widen(): void {
    this.#window.adapt();
    void this.#switch(async (channel) => {
      const old = this.#consumers.splice(0);
      if (old.length === 0) return;
      await this.#addConsumer(channel);
      await this.#cancel(channel, old);
    });
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
      if (answer === 'ack') channel.ack(raw);
      else channel.nack(raw, false, answer === 'requeue');
    } catch (error) {
      // the channel is just being lost, and the broker gives the message out again
      this.#parts.logger.debug(
        `could not answer for a message of topic "${this.#parts.plan.topic}": ${errorMessage(error)}`,
      );
    }
  }
}

interface Attachment {
  /** Settles with the reason, where there is one, when the channel or its consumer is gone. */
  readonly lost: Promise<unknown>;
}

/** A channel to declare things on, opened again when the broker has closed it over a refusal. */
class DeclaringChannel implements AsyncDisposable {
  readonly #model: ChannelModel;
  #channel: Channel | undefined;

  constructor(model: ChannelModel) {
    this.#model = model;
  }

  async open(): Promise<Channel> {
    if (this.#channel) return this.#channel;
    const channel = await this.#model.createChannel();
    channel.on('error', () => {});
    channel.on('close', () => {
      this.#channel = undefined;
    });
    this.#channel = channel;
    return channel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#channel) await inTime(this.#channel.close());
  }
}

/** Waits for it, but not for long: a broker that is away answers nothing. Never rejects. */
async function inTime(work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, closeMs);
  try {
    await Promise.race([work, late.promise]);
  } catch {
    // the channel is closed already
  } finally {
    clearTimeout(timer);
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
