import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  DeliveryQueue,
  DropMessage,
  errorMessage,
  type Logger,
  type MessageHandler,
  type Subscription,
} from '@outrigger/core';
import type { Consumers } from './consumers.ts';
import type { LoggedMessage, MessageLog } from './message-log.ts';
import type { Trouble } from './trouble.ts';

export interface SubscriptionSettings {
  /** After how long a message that failed is handed over again. */
  readonly redeliverIntervalMs: number;
  /** After how long without a sign of life others take over what a consumer holds. */
  readonly processingTimeoutMs: number;
  /** How many messages are fetched ahead. */
  readonly queueDepth: number;
  /** How many messages are handled at a time. */
  readonly concurrency: number;
}

interface SubscriptionParts {
  readonly log: MessageLog;
  readonly consumers: Consumers;
  readonly groupId: number;
  readonly consumer: string;
  readonly topic: string;
  readonly settings: SubscriptionSettings;
  readonly handler: MessageHandler;
  readonly logger: Logger;
  readonly trouble: Trouble;
  /** Told when messages were acknowledged. */
  readonly progressed: () => void;
  readonly ended: () => void;
}

/** How often to look for consumers whose process is gone. */
const lookForDeadMs = 1000;
const retryMs = 200;
/** Nothing is fetched while so many bytes wait or are being handled. */
const maxBytes = 16 * 1024 * 1024;

/** One consumer of one group. Everything it has to tell and to ask of the file goes into one transaction per turn. */
export class SqliteSubscription implements Subscription {
  readonly topic: string;
  readonly #parts: SubscriptionParts;
  readonly #queue: DeliveryQueue<LoggedMessage>;
  readonly #timers: NodeJS.Timeout[] = [];
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #done: number[] = [];
  #giveBack: { id: number; availableAt: number }[] = [];
  #started = false;
  #wanted = false;
  #running: Promise<void> | undefined;
  #again: NodeJS.Timeout | undefined;
  #endPause: (() => void) | undefined;
  #paused = false;
  #closing: Promise<void> | undefined;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.topic = parts.topic;
    this.#queue = new DeliveryQueue(parts.settings.concurrency, (message) => this.#deliver(message), {
      sizeOf: ({ bytes }) => bytes,
      maxBytes,
    });
  }

  async start(): Promise<void> {
    const { consumers, consumer, groupId, settings } = this.#parts;
    await consumers.keepAlive(consumer, groupId, settings.processingTimeoutMs);
    // before anything newer is fetched
    await consumers.buryDead(groupId, consumer);
    this.#started = true;
    this.#timers.push(setInterval(() => void this.#keepAlive(), settings.processingTimeoutMs / 3));
    this.#timers.push(setInterval(() => void this.#lookForDead(), lookForDeadMs));
    this.wake();
  }

  /** Looks for messages to fetch; does nothing before it has started. */
  wake(): void {
    if (!this.#started) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#queue.pause();
    this.#endPause?.();
    // other instances of the app may be able to handle them now
    this.#return(this.#queue.takeWaiting());
  }

  async resume(): Promise<void> {
    this.#paused = false;
    this.#queue.resume();
    this.wake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { consumers, consumer, logger, ended } = this.#parts;
    this.#return(this.#queue.close());
    this.#endPause?.();
    await this.#queue.settled();
    while (this.#running) await this.#running;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#again);
    try {
      await this.#turn();
      await consumers.leave(consumer);
    } catch (error) {
      logger.warn(
        `could not give back the messages of topic "${this.topic}"; they are taken over after processingTimeout: ${errorMessage(error)}`,
      );
    }
    ended();
  }

  get #room(): number {
    if (this.#paused || this.#closing || this.#queue.full) return 0;
    const { queueDepth } = this.#parts.settings;
    // in half batches, rather than one message for each that is handled
    return this.#queue.waiting > queueDepth / 2 ? 0 : queueDepth - this.#queue.waiting;
  }

  async #deliver(logged: LoggedMessage): Promise<void> {
    const { concurrency, redeliverIntervalMs } = this.#parts.settings;
    const { id } = logged;
    if (await this.#handle(logged)) this.#done.push(id);
    else if (concurrency > 1) this.#giveBack.push({ id, availableAt: Date.now() + redeliverIntervalMs });
    else if (await this.#handleInPlace(logged)) this.#done.push(id);
    else this.#giveBack.push({ id, availableAt: Date.now() });
    this.#running ??= this.#run();
  }

  /** One at a time means in order: those behind wait until it succeeds. False when it is to be given back, in its place. */
  async #handleInPlace(logged: LoggedMessage): Promise<boolean> {
    do {
      await this.#pauseBetween(this.#parts.settings.redeliverIntervalMs);
      if (this.#paused || this.#closing) return false;
    } while (!(await this.#handle(logged)));
    return true;
  }

  /** Whether the message is done with: handled, dropped or expired. */
  async #handle({ message, expiresAt }: LoggedMessage): Promise<boolean> {
    if (expiresAt !== undefined && expiresAt <= Date.now()) return true;
    try {
      await this.#parts.handler(message, this.#signal);
      return true;
    } catch (error) {
      return DropMessage.is(error);
    }
  }

  /** Ends early when the subscription is paused or ends. */
  #pauseBetween(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#endPause = () => {
      clearTimeout(timer);
      resolve();
    };
    if (this.#paused || this.#closing) this.#endPause();
    return promise;
  }

  #return(messages: readonly LoggedMessage[]): void {
    const availableAt = Date.now();
    this.#giveBack.push(...messages.map(({ id }) => ({ id, availableAt })));
    this.#running ??= this.#run();
  }

  /** Takes turns for as long as there is something to do, and sees to it that the next one comes in time. */
  async #run(): Promise<void> {
    clearTimeout(this.#again);
    let failed = false;
    try {
      do {
        // what else is handled in this turn of the event loop goes into the same transaction
        await nextTurn();
        await this.#turn();
      } while (this.#hasNews());
      const due = this.#room > 0 ? await this.#parts.log.nextDue(this.#parts.groupId) : undefined;
      if (due !== undefined) this.#wakeIn(Math.max(1, due - Date.now()));
    } catch (error) {
      failed = true;
      this.#parts.trouble.report(`fetch or acknowledge messages of topic "${this.topic}"`, error);
      this.#wakeIn(retryMs);
    }
    this.#running = undefined;
    if (!failed && this.#hasNews()) this.#running = this.#run();
  }

  #hasNews(): boolean {
    return this.#done.length > 0 || this.#giveBack.length > 0 || (this.#wanted && this.#room > 0);
  }

  #wakeIn(milliseconds: number): void {
    clearTimeout(this.#again);
    if (!this.#closing) this.#again = setTimeout(() => this.wake(), Math.min(milliseconds, 60_000));
  }

  async #turn(): Promise<void> {
    const { log, groupId, consumer } = this.#parts;
    const limit = this.#room;
    const [done, giveBack] = [this.#done, this.#giveBack];
    if (limit > 0) this.#wanted = false;
    if (done.length === 0 && giveBack.length === 0 && (limit === 0 || !(await log.hasWork(groupId)))) return;
    [this.#done, this.#giveBack] = [[], []];
    try {
      const room = Math.max(1, maxBytes - this.#queue.bytes);
      const { messages, more } = await log.turn({ groupId, consumer, done, giveBack, limit, maxBytes: room });
      this.#parts.trouble.over();
      if (more) this.#wanted = true;
      if (done.length > 0) this.#parts.progressed();
      if (this.#paused || this.#closing) this.#return(messages);
      else for (const message of messages) this.#queue.add(message);
    } catch (error) {
      this.#done.unshift(...done);
      this.#giveBack.unshift(...giveBack);
      this.#wanted = true;
      throw error;
    }
  }

  async #keepAlive(): Promise<void> {
    const { consumers, consumer, groupId, settings, logger, trouble } = this.#parts;
    try {
      if (await consumers.keepAlive(consumer, groupId, settings.processingTimeoutMs)) return;
      logger.warn(
        `topic "${this.topic}": this process gave no sign of life for processingTimeout; others take over what it held`,
      );
      this.#queue.takeWaiting();
      this.wake();
    } catch (error) {
      trouble.report(`renew the hold on messages of topic "${this.topic}"`, error);
    }
  }

  async #lookForDead(): Promise<void> {
    try {
      await this.#parts.consumers.buryDead(this.#parts.groupId, this.#parts.consumer);
      this.wake();
    } catch (error) {
      this.#parts.logger.debug(`could not look for consumers that are gone: ${errorMessage(error)}`);
    }
  }
}
