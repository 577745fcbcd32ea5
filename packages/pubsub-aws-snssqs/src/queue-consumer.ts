import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import { DropMessage, errorMessage, type Logger } from '@outrigger/core';
import { Acknowledgements } from './acknowledgements.ts';
import { Heartbeat } from './heartbeat.ts';
import { type HeldMessage, heldMessage } from './held-message.ts';
import { Lane } from './lane.ts';
import type { QueueRequests } from './queue-requests.ts';
import { RecentIds } from './recent-ids.ts';
import { Receiver } from './receiver.ts';
import type { Settings } from './settings.ts';
import type { TopicSubscription } from './topic-subscription.ts';

interface ConsumerParts {
  readonly requests: QueueRequests;
  readonly queueName: string;
  /** Receives after which SQS moves a message to the dead letters; `undefined`: never. */
  readonly maxReceives: number | undefined;
  readonly settings: Settings;
  /** Makes the queue again, with what connects it to these topics. */
  readonly restore: (topics: readonly string[]) => Promise<void>;
  readonly logger: Logger;
}

interface Assigned {
  readonly held: HeldMessage;
  readonly subscription: TopicSubscription;
}

/** While it holds this much, nothing is received. */
const maxBytes = 16 * 1024 * 1024;
/** Handled messages that are known again when SQS delivers them once more, as it may. */
const rememberedMessages = 5000;

/**
 * Consumes the one queue of a consumer id for all its topics. Where receives count, it receives only what can be handed over
 * at once; what it holds stays hidden from others until it is deleted, has failed, or is given back.
 */
export class QueueConsumer {
  readonly #parts: ConsumerParts;
  readonly #receiver: Receiver;
  readonly #heartbeat: Heartbeat;
  readonly #acknowledgements: Acknowledgements;
  readonly #subscriptions = new Set<TopicSubscription>();
  readonly #held = new Map<string, HeldMessage>();
  readonly #lanes = new Map<string, Lane<Assigned>>();
  readonly #returning = new Set<Promise<void>>();
  readonly #strangers = new Set<string>();
  readonly #handled = new RecentIds(rememberedMessages);
  #started = false;
  #bytes = 0;

  constructor(parts: ConsumerParts) {
    const { requests, queueName, settings, restore, logger } = parts;
    this.#parts = parts;
    this.#heartbeat = new Heartbeat(requests, settings.visibilitySeconds, () => this.#held.values());
    this.#acknowledgements = new Acknowledgements(requests, logger);
    this.#receiver = new Receiver({
      requests,
      queueName,
      batchSize: this.#counts && settings.fifo ? 1 : settings.batchSize,
      room: () => (this.#bytes >= maxBytes ? 0 : this.#capacity - this.#held.size),
      accept: (messages) => this.#accept(messages),
      restore: () => restore([...this.#subscriptions].map(({ topic }) => topic)),
      logger,
    });
  }

  /** The first ones get nothing before {@link start}. */
  add(subscription: TopicSubscription): void {
    this.#subscriptions.add(subscription);
    if (this.#started) this.#receiver.start();
  }

  /**
   * To be called when the subscriptions that belong together are there: what is received of a topic that has none is put back for a
   * while.
   */
  start(): void {
    if (this.#subscriptions.size === 0) return;
    this.#started = true;
    if ([...this.#subscriptions].some(({ isRunning }) => isRunning)) this.#receiver.start();
  }

  /** Resolves when what waited for a subscription that no longer runs is given back. */
  async changed(subscription: TopicSubscription): Promise<void> {
    if (subscription.isRunning) {
      if (this.#started) this.#receiver.start();
      return;
    }
    const waiting = [...this.#lanes.values()].flatMap((lane) =>
      lane.take((item) => item.subscription === subscription),
    );
    this.#giveBack(waiting.map(({ held }) => held));
    if (![...this.#subscriptions].some(({ isRunning }) => isRunning)) await this.#receiver.stop();
    await Promise.all(this.#returning);
  }

  remove(subscription: TopicSubscription): void {
    this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size === 0) this.#started = false;
  }

  /** To be called before the subscriptions are disposed for good. */
  leave(): void {
    this.#acknowledgements.leave();
  }

  /** Whether a receive brings a message nearer to the dead letters. */
  get #counts(): boolean {
    return this.#parts.maxReceives !== undefined;
  }

  get #capacity(): number {
    const { single, concurrency, batchSize } = this.#parts.settings;
    const own = single && !this.#counts ? batchSize : concurrency;
    let needed = 0;
    for (const { minConcurrency } of this.#subscriptions) if (minConcurrency > 1) needed += minConcurrency;
    return Math.max(own, needed);
  }

  #accept(messages: readonly SqsMessage[]): void {
    const hiddenUntil = Date.now() + this.#parts.settings.visibilitySeconds * 1000;
    const late: HeldMessage[] = [];
    for (const message of messages) {
      const held = heldMessage(message, hiddenUntil);
      const known = this.#held.get(held.id);
      if (known) {
        // it could not be renewed in time and came again while its handler runs: that handler goes on, with the new receipt
        Object.assign(known, { receipt: held.receipt, hiddenUntil, receives: held.receives });
      } else if (this.#handled.has(held.id)) {
        void this.#acknowledgements.add(held);
      } else if (!this.#receiver.isRunning) late.push(held);
      else this.#assign(held);
    }
    this.#giveBack(late);
  }

  #assign(held: HeldMessage): void {
    const subscription = this.#subscriptionFor(held.topicName);
    if (!subscription) {
      this.#leaveToOthers(held);
      return;
    }
    this.#held.set(held.id, held);
    this.#bytes += held.bytes;
    this.#heartbeat.start();
    const item = { held, subscription };
    const { fifo, single } = this.#parts.settings;
    const isBulk = subscription.minConcurrency > 1;
    if (fifo) this.#lane(held.group ?? '').add(item, isBulk ? subscription.minConcurrency : 1);
    else if (single && !isBulk) this.#lane('').add(item, 1);
    else void this.#deliver(item);
  }

  #lane(key: string): Lane<Assigned> {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = new Lane(
        (item) => this.#deliver(item, lane),
        () => this.#lanes.delete(key),
      );
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  // Several subscriptions of one topic take turns. What did not come through a topic is for the only one there is.
  #subscriptionFor(topicName: string | undefined): TopicSubscription | undefined {
    if (topicName === undefined) {
      const [only, ...others] = this.#subscriptions;
      return others.length === 0 && only?.isRunning ? only : undefined;
    }
    for (const subscription of this.#subscriptions) {
      if (subscription.topicName !== topicName || !subscription.isRunning) continue;
      this.#subscriptions.delete(subscription);
      this.#subscriptions.add(subscription);
      return subscription;
    }
    return undefined;
  }

  async #deliver({ held, subscription }: Assigned, lane?: Lane<Assigned>): Promise<void> {
    if (!subscription.isRunning) this.#giveBack([held]);
    else if (lane && held.hiddenUntil <= Date.now()) this.#forget(held); // it waited while SQS was away, and comes again
    else {
      await subscription.handle(held.data, async (failure) => {
        if (failure !== undefined && !DropMessage.is(failure)) await this.#failed(held, subscription, lane);
        else {
          this.#handled.add(held.id);
          await this.#acknowledgements.add(held);
          this.#forget(held);
        }
      });
    }
  }

  async #failed(held: HeldMessage, subscription: TopicSubscription, lane: Lane<Assigned> | undefined): Promise<void> {
    const { settings, logger, queueName } = this.#parts;
    // SQS keeps back a group of which a message is hidden, so these come after the failed one
    if (settings.fifo && lane) this.#giveBack(lane.take().map((item) => item.held));
    if (!subscription.isRunning) {
      this.#giveBack([held]);
      await Promise.all(this.#returning);
    } else if (settings.deleteAfter !== undefined && held.receives >= settings.deleteAfter) {
      logger.error(
        `message ${held.id} of queue "${queueName}" failed ${held.receives} times (messageRetryLimit) and is deleted`,
      );
      await this.#acknowledgements.add(held);
    }
    // no longer renewed, it comes again after the visibility timeout
    this.#forget(held);
  }

  #forget(held: HeldMessage): void {
    if (!this.#held.delete(held.id)) return;
    this.#bytes -= held.bytes;
    if (this.#held.size === 0) this.#heartbeat.stop();
    this.#receiver.roomChanged();
  }

  /** Shows messages to other consumers at once. */
  #giveBack(messages: readonly HeldMessage[]): void {
    if (messages.length === 0) return;
    for (const held of messages) this.#forget(held);
    this.#return(messages, 0);
  }

  // Growing, so that messages which nobody wants do not go round and round.
  #leaveToOthers(held: HeldMessage): void {
    const { settings, logger, queueName } = this.#parts;
    const { topicName = '' } = held;
    const isPaused = [...this.#subscriptions].some((subscription) => subscription.topicName === topicName);
    if (!isPaused && !this.#strangers.has(topicName)) {
      this.#strangers.add(topicName);
      const what = topicName === '' ? 'that came through no topic' : `of topic "${topicName}"`;
      logger.warn(
        `queue "${queueName}" has messages ${what}, for which there is no subscription here; they stay in the queue`,
      );
    }
    const longest = this.#counts ? 900 : 60;
    this.#return([held], Math.min(longest, settings.visibilitySeconds * 2 ** Math.min(held.receives - 1, 10)));
  }

  #return(messages: readonly HeldMessage[], seconds: number): void {
    const returning = this.#hide(messages, seconds).finally(() => this.#returning.delete(returning));
    this.#returning.add(returning);
  }

  async #hide(messages: readonly HeldMessage[], seconds: number): Promise<void> {
    const { requests, logger, queueName } = this.#parts;
    await this.#heartbeat.quiet();
    const rest = await this.#renewLastTries(messages);
    const { failed, error } = await requests.hide(rest, seconds);
    if (failed.length === 0) return;
    const reason = error === undefined ? 'SQS failed' : errorMessage(error);
    logger.debug(
      `${failed.length} messages of queue "${queueName}" come again after their visibility timeout only: ${reason}`,
    );
  }

  /**
   * SQS would dead-letter what is given back after its last receive, though it has not failed so often: a copy takes its
   * place. Not with FIFO, where it would lose its place in the order. Returns the messages to be given back as they are.
   */
  async #renewLastTries(messages: readonly HeldMessage[]): Promise<HeldMessage[]> {
    const { maxReceives = Infinity, settings, requests, logger, queueName } = this.#parts;
    const isLastTry = (held: HeldMessage) =>
      held.receives >= maxReceives && !settings.fifo && held.topicName !== undefined;
    const rest = messages.filter((held) => !isLastTry(held));
    const copy = async (held: HeldMessage) => {
      try {
        await requests.sendCopy(held.body);
        await requests.delete([held]);
      } catch (error) {
        logger.warn(
          `message ${held.id} of queue "${queueName}" was received ${held.receives} times and is given back; SQS moves it to the dead letters, as it could not be sent again: ${errorMessage(error)}`,
        );
        rest.push(held);
      }
    };
    await Promise.all(messages.filter(isLastTry).map(copy));
    return rest;
  }
}
