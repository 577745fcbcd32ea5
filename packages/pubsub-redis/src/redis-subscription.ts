import {
  ComponentError,
  DeliveryQueue,
  DropMessage,
  errorMessage,
  type Logger,
  type Message,
  type MessageHandler,
  type Subscription,
} from '@outrigger/core';
import { isReplyError, type RedisConnection } from '@outrigger/redis-client';
import type { ConsumerGroup } from './consumer-group.ts';
import { StreamReader } from './stream-reader.ts';
import type { StreamEntry } from './stream-entry.ts';

export interface SubscriptionSettings {
  /** How often what failed or was left behind is tried again; 0: never. */
  readonly redeliverIntervalMs: number;
  /** After how long without a sign of life others take over what a consumer holds; 0: never. */
  readonly processingTimeoutMs: number;
  /** How many messages are fetched ahead. */
  readonly queueDepth: number;
  /** How many messages are handled at a time. */
  readonly concurrency: number;
  readonly isCluster: boolean;
}

interface SubscriptionParts {
  /** Shared with the component; stays open when the subscription ends. */
  readonly connection: RedisConnection;
  readonly group: ConsumerGroup;
  readonly topic: string;
  readonly settings: SubscriptionSettings;
  readonly handler: MessageHandler;
  readonly logger: Logger;
  /** Covers the start only. */
  readonly signal: AbortSignal;
  readonly ended: () => void;
}

interface Held {
  readonly id: string;
  readonly message: Message;
}

/** Where others will not look for what was left behind, with `processingTimeout` 0: given back entries are still found. */
const neverIdleMs = 24 * 3_600_000;
/** Of failed messages only the ids are kept; with this many times `queueDepth` of them, nothing new is fetched. */
const failedPerQueueDepth = 10;

/** One consumer of one stream: fetches ahead, hands over, acknowledges, and keeps what failed for the next round. */
export class RedisSubscription implements Subscription {
  readonly #parts: SubscriptionParts;
  readonly #queue: DeliveryQueue<Held>;
  readonly #reader: StreamReader;
  /** Fetched and not acknowledged yet: waiting, in flight, or handled with the acknowledgement under way. */
  readonly #held = new Set<string>();
  /** Handed over in vain; to be fetched again in the next round. */
  readonly #failed = new Set<string>();
  readonly #handled: string[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #acknowledged = Promise.resolve();
  #round: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;
  #roundReported = false;
  #paused = false;
  #closing: Promise<void> | undefined;

  private constructor(parts: SubscriptionParts, connection: RedisConnection) {
    this.#parts = parts;
    this.#queue = new DeliveryQueue(parts.settings.concurrency, (held) => this.#deliver(held));
    this.#reader = new StreamReader({
      connection,
      group: parts.group,
      topic: parts.topic,
      logger: parts.logger,
      room: () => this.#room,
      beforeReading: () => this.#nextRound(),
      accept: (entries) => this.#accept(entries),
      wake: parts.settings.isCluster ? undefined : (id) => parts.connection.send('CLIENT', ['UNBLOCK', id]),
    });
  }

  /** Resolves once the group exists, so that nothing published from then on is missed. */
  static async start(parts: SubscriptionParts): Promise<RedisSubscription> {
    await parts.group.ensure(parts.signal);
    const connection = await parts.connection.duplicate(StreamReader.blockMs, parts.signal);
    const subscription = new RedisSubscription(parts, connection);
    subscription.#start();
    return subscription;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#queue.pause();
    this.#reader.interrupt();
    // other instances of the app may be able to handle them now
    await this.#giveBack([...this.#queue.takeWaiting().map(({ id }) => id), ...this.#failed]);
  }

  async resume(): Promise<void> {
    this.#paused = false;
    this.#queue.resume();
    this.#reader.resume();
    void this.#nextRound();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** How many more messages that this consumer has not had yet may be fetched now. */
  get #room(): number {
    return this.#failed.size >= this.#parts.settings.queueDepth * failedPerQueueDepth ? 0 : this.#queueRoom;
  }

  /** How many more messages the queue takes now, those that failed before among them. */
  get #queueRoom(): number {
    const { queueDepth } = this.#parts.settings;
    if (this.#paused || this.#closing) return 0;
    // in half batches, rather than one entry for each that is handled
    return this.#queue.waiting > queueDepth / 2 ? 0 : queueDepth - this.#queue.waiting;
  }

  #start(): void {
    const { redeliverIntervalMs, processingTimeoutMs } = this.#parts.settings;
    if (redeliverIntervalMs > 0) this.#timers.push(setInterval(() => void this.#nextRound(), redeliverIntervalMs));
    if (processingTimeoutMs > 0) {
      const keep = () => {
        this.#keeping = this.#keep();
      };
      this.#timers.push(setInterval(keep, processingTimeoutMs / 3));
    }
    this.#reader.start();
  }

  async #close(): Promise<void> {
    const { group, logger, topic, ended } = this.#parts;
    const waiting = this.#queue.close().map(({ id }) => id);
    await this.#reader.stop();
    await this.#round;
    await this.#giveBack([...waiting, ...this.#failed]);
    // until then handlers may run for long, and others must see that their messages are in good hands
    await this.#queue.settled();
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([this.#round, this.#keeping]);
    await this.#acknowledge();
    try {
      // what failed just now, and what was sent to this consumer but never arrived
      await group.giveBack(await group.pending());
      if ((await group.pending()).length === 0) await group.leave();
    } catch (error) {
      if (!isReplyError(error, 'NOGROUP')) {
        logger.warn(
          `could not give back the messages of topic "${topic}"; they are taken over after processingTimeout: ${errorMessage(error)}`,
        );
      }
    }
    ended();
  }

  #accept(entries: readonly StreamEntry[]): void {
    const gone: string[] = [];
    const late: string[] = [];
    for (const { id, message } of entries) {
      if (this.#held.has(id) || this.#failed.has(id)) continue;
      if (message === undefined) gone.push(id);
      else if (this.#paused || this.#closing) late.push(id);
      else {
        this.#held.add(id);
        this.#queue.add({ id, message });
      }
    }
    if (late.length > 0) void this.#giveBack(late);
    for (const id of gone) this.#settle(id);
  }

  async #deliver({ id, message }: Held): Promise<void> {
    try {
      await this.#parts.handler(message, this.#signal);
      this.#settle(id);
    } catch (error) {
      if (DropMessage.is(error)) this.#settle(id);
      else if (this.#paused) await this.#giveBack([id]);
      else {
        this.#held.delete(id);
        this.#failed.add(id);
      }
    }
    this.#reader.roomChanged();
  }

  #settle(id: string): void {
    this.#handled.push(id);
    if (this.#handled.length === 1) setImmediate(() => void this.#acknowledge());
  }

  /** Resolves when all handled so far is acknowledged, or could not be; then the next round tries again. */
  #acknowledge(): Promise<void> {
    this.#acknowledged = this.#acknowledged.then(() => this.#acknowledgeHandled());
    return this.#acknowledged;
  }

  // one command for all that was handled in the same turn
  async #acknowledgeHandled(): Promise<void> {
    const ids = [...this.#handled];
    if (ids.length === 0) return;
    const { group, logger, topic } = this.#parts;
    try {
      await group.acknowledge(ids);
    } catch (error) {
      logger.debug(`could not acknowledge ${ids.length} messages of topic "${topic}" yet: ${errorMessage(error)}`);
      return;
    }
    this.#handled.splice(0, ids.length);
    for (const id of ids) this.#held.delete(id);
    if (this.#handled.length > 0) setImmediate(() => void this.#acknowledge());
  }

  /** Takes up what failed, and what consumers that are gone have left behind. */
  #nextRound(): Promise<void> {
    this.#round ??= this.#takeUp()
      .catch((error: unknown) => {
        this.#reportRound(error);
      })
      .finally(() => {
        this.#round = undefined;
      });
    return this.#round;
  }

  // Being away for a while is known and mended elsewhere; what stays wrong (a right, an old server) is said once.
  #reportRound(error: unknown): void {
    const { logger, topic } = this.#parts;
    const passes = ComponentError.is(error) && error.retryable;
    const message = `could not look for messages of topic "${topic}" to redeliver: ${errorMessage(error)}`;
    if (passes || isReplyError(error, 'NOGROUP') || this.#roundReported) logger.debug(message);
    else {
      this.#roundReported = true;
      logger.warn(message);
    }
  }

  async #takeUp(): Promise<void> {
    const { group, settings } = this.#parts;
    if (this.#handled.length > 0) await this.#acknowledge();
    const again = [...this.#failed].slice(0, Math.max(0, this.#queueRoom));
    if (again.length > 0) {
      const entries = await group.fetchAgain(again);
      for (const id of again) this.#failed.delete(id);
      this.#accept(entries);
      this.#reader.roomChanged();
    }
    const room = this.#room;
    if (room > 0) this.#accept(await group.claimAbandoned(settings.processingTimeoutMs || neverIdleMs, room));
  }

  async #keep(): Promise<void> {
    if (this.#held.size + this.#failed.size === 0) return;
    try {
      await this.#parts.group.stillMine(new Set([...this.#held, ...this.#failed]));
    } catch (error) {
      this.#parts.logger.debug(
        `could not renew the hold on messages of topic "${this.#parts.topic}" yet: ${errorMessage(error)}`,
      );
    }
  }

  async #giveBack(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#held.delete(id);
      this.#failed.delete(id);
    }
    if (ids.length === 0) return;
    try {
      await this.#parts.group.giveBack(ids);
    } catch (error) {
      this.#parts.logger.debug(
        `could not give back ${ids.length} messages of topic "${this.#parts.topic}" yet: ${errorMessage(error)}`,
      );
    }
  }
}
