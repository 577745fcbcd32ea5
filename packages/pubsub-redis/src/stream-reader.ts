import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage, type Logger } from '@outrigger/core';
import { isReplyError, type RedisConnection } from '@outrigger/redis-client';
import type { ConsumerGroup } from './consumer-group.ts';
import type { StreamEntry } from './stream-entry.ts';
import { topicFailure } from './topic-failure.ts';

interface ReaderParts {
  /** For this reader alone, as its commands block; disposed when it stops. */
  readonly connection: RedisConnection;
  readonly group: ConsumerGroup;
  readonly topic: string;
  readonly logger: Logger;
  /** How many entries may be read now; not above 0: none. */
  readonly room: () => number;
  /** Run before the first read and before reading goes on after a rest. Never rejects. */
  readonly beforeReading: () => Promise<void>;
  /** Run when the server, or the group, is there again. Never rejects. */
  readonly afterOutage: () => Promise<void>;
  readonly accept: (entries: readonly StreamEntry[]) => void;
  /** Ends the blocked command of the connection with this id; absent where ids do not tell connections apart (a cluster). */
  readonly wake: ((id: string) => Promise<unknown>) | undefined;
}

/** The loop that reads new entries of one stream for one consumer, for as long as there is room for them. */
export class StreamReader {
  /** The longest that a read blocks on the server, and so the longest a stop takes where CLIENT UNBLOCK is forbidden. */
  static readonly blockMs = 2000;

  readonly #parts: ReaderParts;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  #roomMade: (() => void) | undefined;
  #rested = true;
  /** Known while a read may block; asked for again after every rest, as the connection may have been made anew. */
  #connectionId: string | undefined;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** To be called whenever there may be room again. */
  roomChanged(): void {
    if (this.#roomMade && this.#parts.room() > 0) this.#roomMade();
  }

  /** Ends the read under way, to rest until {@link resume}; a read that cannot be ended ends by itself soon. */
  interrupt(): void {
    void this.#wake();
  }

  /** Reads on after a rest in which entries were given back. */
  resume(): void {
    this.#rested = true;
    this.roomChanged();
  }

  /** Resolves once no entry can come any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#roomMade?.();
    // asked again and again, because a read may have been on its way to block
    for (let over = false; !over;) {
      await this.#wake();
      over = await Promise.race([this.#loop?.then(() => true) ?? true, delay(20, false)]);
    }
    await this.#parts.connection[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { connection, logger, topic } = this.#parts;
    const { signal } = this.#stopping;
    let interrupted = false;
    let reported = false;
    while (!signal.aborted) {
      try {
        if (!connection.isReady) await connection.ready(signal);
        if (interrupted) {
          await this.#parts.group.ensure(signal);
          await this.#parts.afterOutage();
          await this.#readMissed();
        }
        interrupted = false;
        await this.#readOn(() => {
          reported = false;
        });
      } catch (error) {
        if (signal.aborted) return;
        interrupted = true;
        this.#connectionId = undefined;
        const expected = !connection.isReady || (isReplyError(error, 'UNBLOCKED') && !isDeleted(error));
        if (!expected && !reported) {
          reported = true;
          logger.warn(
            isDeleted(error)
              ? `topic "${topic}": the stream or its consumer group was deleted in Redis; it is made again, and begins with the oldest message that the stream holds`
              : `reading topic "${topic}" failed, trying again: ${errorMessage(topicFailure(error, topic))}`,
          );
        }
        await delay(100, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** Reads new entries until it is stopped or fails; says so when it has been able to. */
  async #readOn(succeeded: () => void): Promise<void> {
    const { connection, group, accept, beforeReading, room } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (room() <= 0) {
        this.#connectionId = undefined;
        await new Promise<void>((resolve) => {
          this.#roomMade = resolve;
        });
        this.#roomMade = undefined;
        continue;
      }
      if (this.#rested) {
        this.#rested = false;
        await beforeReading();
        continue;
      }
      if (this.#parts.wake) this.#connectionId ??= await connectionId(connection);
      if (room() <= 0) continue; // paused in the meantime
      accept(await group.readNew(connection, room(), StreamReader.blockMs));
      succeeded();
    }
  }

  // Where that is not allowed, or comes too late, the read ends by itself.
  async #wake(): Promise<void> {
    if (this.#connectionId !== undefined) await this.#parts.wake?.(this.#connectionId).catch(() => {});
  }

  // A connection that breaks can take entries with it that the server counts as delivered to this consumer.
  async #readMissed(): Promise<void> {
    const { connection, group, accept } = this.#parts;
    for (let last = '0'; ;) {
      const entries = await group.readOwn(connection, 8, last);
      const newest = entries.at(-1);
      if (newest === undefined) return;
      accept(entries);
      last = newest.id;
    }
  }
}

/** A read that was blocked when it happened is told in another way than one that comes afterwards. */
function isDeleted(error: unknown): boolean {
  return isReplyError(error, 'NOGROUP') || isReplyError(error, 'UNBLOCKED the stream key no longer exists');
}

async function connectionId(connection: RedisConnection): Promise<string | undefined> {
  try {
    return String(await connection.send('CLIENT', ['ID']));
  } catch (error) {
    if (isReplyError(error)) return undefined; // not allowed: stopping waits until the read ends by itself
    throw error;
  }
}
