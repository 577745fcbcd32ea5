import { type BulkOutcome, DropMessage, type Message, type Subscription } from '@outrigger/core';
import type { Entry, Group, MemoryBroker } from './memory-broker.ts';

export interface SubscriptionOptions {
  /** Of one hand-over. */
  readonly most: number;
  /** How long a hand-over waits to fill. */
  readonly awaitMs: number;
  /** How many hand-overs run at a time. */
  readonly concurrency: number;
  readonly handle: (messages: readonly Message[]) => Promise<BulkOutcome<void>[]>;
}

const retryMs = 20;

/** One consumer; single messages are batches of one. */
export class MemorySubscription implements Subscription {
  readonly #broker: MemoryBroker;
  readonly #group: Group;
  readonly #options: SubscriptionOptions;
  readonly #running = new Set<Promise<void>>();
  #gathering: NodeJS.Timeout | undefined;
  #retrying: NodeJS.Timeout | undefined;
  #paused = false;
  #leaving: Promise<void> | undefined;

  constructor(broker: MemoryBroker, group: Group, options: SubscriptionOptions) {
    this.#broker = broker;
    this.#group = group;
    this.#options = options;
    group.consumers.push(this);
    group.pump();
  }

  pump(): void {
    const { most, awaitMs } = this.#options;
    if (awaitMs === 0 || this.#group.waiting.length >= most) {
      while (this.#mayHandOver()) this.#handOver();
    } else if (this.#mayHandOver()) {
      this.#gathering ??= setTimeout(() => {
        this.#gathering = undefined;
        if (this.#mayHandOver()) this.#handOver();
      }, awaitMs);
    }
  }

  async pause(): Promise<void> {
    this.#paused = !this.#broker.faults.has('goes on while paused');
  }

  async resume(): Promise<void> {
    this.#paused = false;
    this.pump();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    const { faults } = this.#broker;
    clearTimeout(this.#gathering);
    clearTimeout(this.#retrying);
    if (!faults.has('waits for no handler when it leaves')) await Promise.all(this.#running);
    if (faults.has('loses what it has fetched when it leaves')) this.#group.waiting.splice(0, 10);
    if (faults.has('counts a delivery for what it hands back')) {
      for (const entry of this.#group.waiting.slice(0, 10)) entry.deliveries++;
    }
    const index = this.#group.consumers.indexOf(this);
    if (index >= 0) this.#group.consumers.splice(index, 1);
    this.#group.pump();
  }

  #mayHandOver(): boolean {
    const { waiting, consumers } = this.#group;
    if (!this.#broker.up || this.#paused || this.#leaving || this.#retrying || consumers[0] !== this) return false;
    return waiting.length > 0 && this.#running.size < this.#options.concurrency;
  }

  #handOver(): void {
    const { waiting } = this.#group;
    // what has failed is tried again before anything new
    const failed = waiting.findIndex((entry) => !entry.failed);
    const again = waiting[0]?.failed ? failed : waiting.length;
    const entries = waiting.splice(0, Math.min(this.#options.most, again < 0 ? waiting.length : again));
    const handing = this.#deliver(entries).finally(() => {
      this.#running.delete(handing);
      this.pump();
    });
    this.#running.add(handing);
  }

  async #deliver(entries: readonly Entry[]): Promise<void> {
    const { faults } = this.#broker;
    const expired = ({ metadata }: Entry) => Number(metadata['expires-at'] ?? Infinity) <= Date.now();
    const alive = entries.filter((entry) => !expired(entry));
    if (alive.length === 0) return;
    const outcomes = await this.#options
      .handle(alive.map(toMessage))
      .catch((error: unknown) => alive.map(() => ({ ok: false, error }) as const));
    if (faults.has('acknowledges before it hands over')) return;
    let failed = alive.filter((_entry, index) => {
      const outcome = outcomes[index];
      return !outcome || (!outcome.ok && !DropMessage.is(outcome.error));
    });
    if (failed.length > 0 && faults.has('repeats the whole batch')) failed = alive;
    if (failed.length === 0) return;
    if (faults.has('puts a failed message behind the others')) {
      this.#group.waiting.push(...failed);
      return;
    }
    for (const entry of failed) entry.failed = true;
    this.#group.giveBack(...failed);
    if (this.#leaving) return;
    this.#retrying ??= setTimeout(() => {
      this.#retrying = undefined;
      this.pump();
    }, retryMs);
  }
}

function toMessage(entry: Entry): Message {
  const { topic, contentType, metadata } = entry;
  const counted = { ...metadata, 'delivery-count': String(++entry.deliveries) };
  return { topic, data: entry.fetched ?? entry.data(), metadata: counted, ...(contentType && { contentType }) };
}
