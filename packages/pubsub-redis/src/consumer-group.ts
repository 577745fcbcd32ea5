import { isReplyError, type RedisConnection } from '@outrigger/redis-client';
import { list, parseEntries, type StreamEntry, text } from './stream-entry.ts';

/** Idle time that marks an entry as given back; longer than any processing timeout, so that whoever claims next takes it. */
export const givenBackIdleMs = 30 * 24 * 3_600_000;
/** Most ids in one command. */
const chunk = 500;

/** The stream commands of one consumer in one group of one stream. */
export class ConsumerGroup {
  readonly #connection: RedisConnection;
  readonly #topic: string;
  readonly #group: string;
  readonly #consumer: string;

  constructor(connection: RedisConnection, topic: string, group: string, consumer: string) {
    this.#connection = connection;
    this.#topic = topic;
    this.#group = group;
    this.#consumer = consumer;
  }

  /** Makes stream and group where they are missing; a new group begins with the oldest entry of the stream, as in Dapr. */
  async ensure(signal?: AbortSignal): Promise<void> {
    try {
      await this.#connection.send('XGROUP', ['CREATE', this.#topic, this.#group, '0', 'MKSTREAM'], signal);
    } catch (error) {
      if (!isReplyError(error, 'BUSYGROUP')) throw error;
    }
  }

  /** New entries, waiting up to `blockMs` for the first; empty when none came. */
  async readNew(reader: RedisConnection, count: number, blockMs: number): Promise<StreamEntry[]> {
    return this.#read(reader, ['COUNT', count, 'BLOCK', blockMs, 'STREAMS', this.#topic, '>']);
  }

  /** Entries after `afterId` that this consumer was given and has not acknowledged. */
  async readOwn(reader: RedisConnection, count: number, afterId: string): Promise<StreamEntry[]> {
    return this.#read(reader, ['COUNT', count, 'STREAMS', this.#topic, afterId]);
  }

  async #read(reader: RedisConnection, options: readonly (string | number)[]): Promise<StreamEntry[]> {
    const reply = await reader.send('XREADGROUP', ['GROUP', this.#group, this.#consumer, ...options]);
    const [stream] = list(reply);
    return parseEntries(this.#topic, list(stream)[1]);
  }

  /** Takes over up to `count` entries that no consumer has touched for `minIdleMs`, oldest first. */
  async claimAbandoned(minIdleMs: number, count: number): Promise<StreamEntry[]> {
    const claimed: StreamEntry[] = [];
    let cursor = '0-0';
    do {
      const args = [this.#topic, this.#group, this.#consumer, minIdleMs, cursor, 'COUNT', count - claimed.length];
      const [next, entries] = list(await this.#connection.send('XAUTOCLAIM', args));
      claimed.push(...parseEntries(this.#topic, entries));
      cursor = text(next);
    } while (cursor !== '0-0' && claimed.length < count);
    return claimed;
  }

  /** Says that this consumer is still at work on these; those it no longer holds are left alone. */
  async stillMine(ids: ReadonlySet<string>): Promise<void> {
    const mine = (await this.pending()).filter((id) => ids.has(id));
    await inChunks(mine, (part) => this.#claim(this.#consumer, part, ['JUSTID']));
  }

  /**
   * Gives entries back to the group. They count as idle for `idleMs` then: whichever consumer claims with less takes them; the
   * default is at once.
   */
  async giveBack(ids: readonly string[], idleMs: number = givenBackIdleMs): Promise<void> {
    // they wait under the name that Dapr's own consumers use
    await inChunks(ids, (part) => this.#claim(this.#group, part, ['IDLE', Math.round(idleMs), 'JUSTID']));
  }

  /** How many entries have been given back and were not taken yet. */
  async givenBack(): Promise<number> {
    const [, , , consumers] = list(await this.#connection.send('XPENDING', [this.#topic, this.#group]));
    for (const row of list(consumers)) {
      const [name, count] = list(row);
      if (text(name) === this.#group) return Number(text(count));
    }
    return 0;
  }

  #claim(consumer: string, ids: readonly string[], options: readonly (string | number)[]) {
    return this.#connection.send('XCLAIM', [this.#topic, this.#group, consumer, 0, ...ids, ...options]);
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    await inChunks(ids, (part) => this.#connection.send('XACK', [this.#topic, this.#group, ...part]));
  }

  /** What this consumer was given and has not acknowledged, oldest first. */
  async pending(): Promise<string[]> {
    const ids: string[] = [];
    for (;;) {
      const from = ids.length === 0 ? '-' : after(ids[ids.length - 1] ?? '');
      const reply = await this.#connection.send('XPENDING', [
        this.#topic,
        this.#group,
        from,
        '+',
        chunk,
        this.#consumer,
      ]);
      const page = list(reply).map((row) => text(list(row)[0]));
      ids.push(...page);
      if (page.length < chunk) return ids;
    }
  }

  /** Takes this consumer out of the group; it must hold nothing, or that would be lost. */
  async leave(): Promise<void> {
    await this.#connection.send('XGROUP', ['DELCONSUMER', this.#topic, this.#group, this.#consumer]);
  }
}

// The id that follows.
function after(id: string): string {
  const [time = '0', sequence = '0'] = id.split('-');
  return `${time}-${BigInt(sequence) + 1n}`;
}

async function inChunks(ids: readonly string[], send: (part: readonly string[]) => Promise<unknown>): Promise<void> {
  const parts: Promise<unknown>[] = [];
  for (let start = 0; start < ids.length; start += chunk) parts.push(send(ids.slice(start, start + chunk)));
  await Promise.all(parts);
}
