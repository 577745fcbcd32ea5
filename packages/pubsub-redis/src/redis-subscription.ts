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
import { type ConsumerGroup, givenBackIdleMs } from './consumer-group.ts';
import { Portion } from './portion.ts';
import { Settlements } from './settlements.ts';
import { StreamReader } from './stream-reader.ts';
import type { StreamEntry } from './stream-entry.ts';
import { topicFailure } from './topic-failure.ts';

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
  readonly bytes: number;
}

/** With `processingTimeout` 0: idle for longer than this is only what was given back. */
const neverIdleMs = givenBackIdleMs / 2;
/** With this many times `queueDepth` messages of the group waiting for another try, nothing new is fetched. */
const failedPerQueueDepth = 10;
/** For how long after an outage nothing is claimed: others may not have been back yet to renew their hold. */
const graceMs = 2000;

/** One consumer of one stream: fetches ahead, hands over, acknowledges, and gives what failed back to the group. */
export class RedisSubscription implements Subscription {
  readonly #parts: SubscriptionParts;
  readonly #queue: DeliveryQueue<Held>;
  readonly #reader: StreamReader;
  readonly #settlements: Settlements;
  readonly #portion = new Portion();
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  #roundTimer: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #roundReported = false;
  /** A round found no room, or more than it had room for: it is next. */
  #roundDue = false;
  /** Messages of the group that wait for another try: counted in each round, and those that failed here since. */
  #waitingAside = 0;
  #claimFrom = 0;
  #paused = false;
  #closing: Promise<void> | undefined;

  private constructor(parts: SubscriptionParts, connection: RedisConnection) {
    this.#parts = parts;
    this.#settlements = new Settlements(parts);
    this.#queue = new DeliveryQueue(parts.settings.concurrency, (held) => this.#deliver(held), {
      sizeOf: ({ bytes }) => bytes,
    });
    this.#reader = new StreamReader({
      connection,
      group: parts.group,
      topic: parts.topic,
      logger: parts.logger,
      room: () => this.#roomForNew,
      beforeReading: () => this.#nextRound(),
      afterOutage: () => this.#afterOutage(),
      accept: (entries) => this.#accept(entries),
      wake: parts.settings.isCluster ? undefined : (id) => parts.connection.send('CLIENT', ['UNBLOCK', id]),
    });
  }

  /** Resolves once the group exists and may be read, so that nothing published from then on is missed. */
  static async start(parts: SubscriptionParts): Promise<RedisSubscription> {
    await parts.group.ensure(parts.signal);
    // of a new consumer there is nothing: this only shows now, not later, that reading is allowed
    await parts.group.readOwn(parts.connection, 1, '0');
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
    this.#giveBackWaiting(this.#queue.takeWaiting());
    await this.#settlements.flush();
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

  /** How many more messages may be fetched now; those that nobody has had yet come after those that wait for another try. */
  get #roomForNew(): number {
    const limit = this.#parts.settings.queueDepth * failedPerQueueDepth;
    return this.#roundDue || this.#waitingAside >= limit ? 0 : this.#room;
  }

  get #room(): number {
    const { queueDepth } = this.#parts.settings;
    if (this.#paused || this.#closing || this.#queue.full) return 0;
    // in half batches, rather than one entry for each that is handled
    return this.#queue.waiting > queueDepth / 2 ? 0 : Math.min(queueDepth - this.#queue.waiting, this.#portion.count);
  }

  get #claimableAfterMs(): number {
    return this.#parts.settings.processingTimeoutMs || neverIdleMs;
  }

  #start(): void {
    const { redeliverIntervalMs, processingTimeoutMs } = this.#parts.settings;
    if (redeliverIntervalMs > 0) this.#scheduleRound(redeliverIntervalMs);
    if (processingTimeoutMs > 0)
      this.#renewal = setInterval(() => void this.#settlements.renew(), processingTimeoutMs / 3);
    this.#reader.start();
  }

  // not in step with other instances, or it would always be the same that takes what failed
  #scheduleRound(intervalMs: number): void {
    this.#roundTimer = setTimeout(
      () => {
        this.#scheduleRound(intervalMs);
        void this.#nextRound();
      },
      intervalMs * (0.75 + Math.random() / 2),
    );
  }

  async #close(): Promise<void> {
    const { group, logger, topic, ended } = this.#parts;
    this.#giveBackWaiting(this.#queue.close());
    await this.#reader.stop();
    await this.#round;
    await this.#settlements.flush();
    // until then handlers may run for long, and others must see that their messages are in good hands
    await this.#queue.settled();
    clearTimeout(this.#roundTimer);
    clearInterval(this.#renewal);
    await this.#round;
    await this.#settlements.flush();
    try {
      // what was sent to this consumer but never arrived
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
    const late: string[] = [];
    for (const { id, message, bytes } of entries) {
      if (this.#settlements.has(id)) continue;
      if (message === undefined) this.#settlements.done(id);
      else if (this.#paused || this.#closing) late.push(id);
      else {
        this.#settlements.hold(id);
        this.#queue.add({ id, message, bytes });
      }
    }
    this.#portion.seen(entries.map(({ bytes }) => bytes));
    this.#settlements.giveBack(late);
  }

  async #deliver({ id, message }: Held): Promise<void> {
    try {
      await this.#parts.handler(message, this.#signal);
      this.#settlements.done(id);
    } catch (error) {
      if (DropMessage.is(error)) this.#settlements.done(id);
      else this.#failed(id);
    }
    // in the next turn, when the queue has let go of this one
    setImmediate(() => this.#roomChanged());
  }

  // Whichever instance looks first takes it, for another may fare better; on average after redeliverInterval.
  #failed(id: string): void {
    const { redeliverIntervalMs } = this.#parts.settings;
    if (this.#paused || this.#closing || redeliverIntervalMs === 0) {
      this.#settlements.giveBack([id]);
      return;
    }
    this.#waitingAside++;
    this.#settlements.giveBack([id], Math.max(0, this.#claimableAfterMs - redeliverIntervalMs / 2));
  }

  #giveBackWaiting(waiting: readonly Held[]): void {
    this.#settlements.giveBack(waiting.map(({ id }) => id));
  }

  #roomChanged(): void {
    if (this.#roundDue && this.#room > 0) void this.#nextRound();
    else this.#reader.roomChanged();
  }

  /** Takes up what failed, and what consumers that are gone have left behind. */
  #nextRound(): Promise<void> {
    this.#round ??= this.#settlements
      .exclusively(() => this.#takeUp())
      .catch((error: unknown) => {
        this.#roundDue = false;
        this.#reportRound(error);
      })
      .finally(() => {
        this.#round = undefined;
        this.#reader.roomChanged();
      });
    return this.#round;
  }

  async #takeUp(): Promise<void> {
    const { group } = this.#parts;
    if (performance.now() < this.#claimFrom) return;
    const room = this.#room;
    this.#roundDue = room <= 0 && !this.#paused && !this.#closing;
    if (room <= 0) return;
    const entries = await group.claimAbandoned(this.#claimableAfterMs, room);
    this.#accept(entries);
    this.#roundDue = entries.length >= room;
    if (this.#parts.settings.redeliverIntervalMs > 0) this.#waitingAside = await group.givenBack();
  }

  // Being away for a while is known and mended elsewhere; what stays wrong (a right, an old server) is said once.
  #reportRound(error: unknown): void {
    const { logger, topic } = this.#parts;
    const passes = ComponentError.is(error) && error.retryable;
    const message = `could not look for messages of topic "${topic}" to redeliver: ${errorMessage(topicFailure(error, topic))}`;
    if (passes || isReplyError(error, 'NOGROUP') || this.#roundReported) logger.debug(message);
    else {
      this.#roundReported = true;
      logger.warn(message);
    }
  }

  async #afterOutage(): Promise<void> {
    this.#claimFrom = performance.now() + Math.min(graceMs, this.#claimableAfterMs / 3);
    await this.#settlements.renew();
  }
}
