import { errorMessage, type Logger } from '@outrigger/core';
import { isReplyError } from '@outrigger/redis-client';
import { type ConsumerGroup, givenBackIdleMs } from './consumer-group.ts';

interface SettlementsParts {
  readonly group: ConsumerGroup;
  readonly topic: string;
  readonly logger: Logger;
}

/**
 * What one consumer holds, and what it has to tell the server of it: what is done and what it gives back. All that comes up in
 * one turn of the event loop goes out together; what could not be told stays held until it can. Everything that changes who
 * holds what goes through {@link exclusively}, one after the other: a renewal never takes back what was given back meanwhile.
 */
export class Settlements {
  readonly #parts: SettlementsParts;
  readonly #held = new Set<string>();
  readonly #done = new Set<string>();
  /** With the idle time that they get. */
  readonly #back = new Map<string, number>();
  #queue: Promise<unknown> = Promise.resolve();
  #flushDue = false;

  constructor(parts: SettlementsParts) {
    this.#parts = parts;
  }

  /** Whether this consumer is at work on it, or has something to tell of it. */
  has(id: string): boolean {
    return this.#held.has(id);
  }

  hold(id: string): void {
    this.#held.add(id);
  }

  /** Handled, dropped or gone: to be acknowledged. */
  done(id: string): void {
    this.#held.add(id);
    this.#done.add(id);
    this.#flushSoon();
  }

  /** For any consumer that claims with less than `idleMs`; by default at once. */
  giveBack(ids: readonly string[], idleMs: number = givenBackIdleMs): void {
    for (const id of ids) {
      this.#held.add(id);
      this.#back.set(id, idleMs);
    }
    if (ids.length > 0) this.#flushSoon();
  }

  /** Tells what there is to tell. Never rejects: what could not be told is told the next time. */
  flush(): Promise<void> {
    return this.exclusively(() => this.#tell());
  }

  /** Says that this consumer is still at work on all that it holds. Never rejects. */
  renew(): Promise<void> {
    return this.exclusively(async () => {
      await this.#tell();
      if (this.#held.size === 0) return;
      await this.#attempt(this.#held.size, 'renew the hold on', () => this.#parts.group.stillMine(this.#held));
    });
  }

  /** Runs `work` when what was begun before has ended. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      void this.flush();
    });
  }

  async #tell(): Promise<void> {
    const { group } = this.#parts;
    const byIdle = Map.groupBy(this.#back, ([, idleMs]) => idleMs);
    await Promise.all([
      this.#done.size > 0 && this.#tellOf([...this.#done], 'acknowledge', (ids) => group.acknowledge(ids)),
      ...[...byIdle].map(([idleMs, entries]) =>
        this.#tellOf(
          entries.map(([id]) => id),
          'give back',
          (ids) => group.giveBack(ids, idleMs),
        ),
      ),
    ]);
  }

  async #tellOf(ids: readonly string[], what: string, tell: (ids: readonly string[]) => Promise<void>): Promise<void> {
    if (!(await this.#attempt(ids.length, what, () => tell(ids)))) return;
    for (const id of ids) {
      this.#done.delete(id);
      this.#back.delete(id);
      this.#held.delete(id);
    }
  }

  async #attempt(count: number, what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      // without the group nobody holds anything, and the new one gets what is still in the stream
      if (isReplyError(error, 'NOGROUP')) return true;
      const { logger, topic } = this.#parts;
      logger.debug(`could not ${what} ${count} messages of topic "${topic}" yet: ${errorMessage(error)}`);
      return false;
    }
  }
}
