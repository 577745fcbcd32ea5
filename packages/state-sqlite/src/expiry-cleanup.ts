import { errorMessage, type Logger } from '@outrigger/core';
import type { SqliteDatabase } from '@outrigger/sqlite-client';
import type { statements } from './statements.ts';

/**
 * Removes the rows of expired items every `interval` milliseconds, in small steps. Of all processes that share the file (Dapr's
 * too) one does it at a time. The timer never keeps the process alive.
 */
export class ExpiryCleanup implements AsyncDisposable {
  readonly #database: SqliteDatabase;
  readonly #sql: ReturnType<typeof statements>;
  readonly #interval: number;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  constructor(database: SqliteDatabase, sql: ReturnType<typeof statements>, interval: number, logger: Logger) {
    this.#database = database;
    this.#sql = sql;
    this.#interval = interval;
    this.#logger = logger;
    this.#timer = setInterval(() => {
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    }, interval).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      const removed = await this.#removeExpired(this.#stopped.signal);
      this.#logger.debug(`removed ${removed} expired rows`);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#logger.warn(`expired rows could not be removed, next try in ${this.#interval} ms: ${errorMessage(error)}`);
    }
  }

  async #removeExpired(signal: AbortSignal): Promise<number> {
    const claim = () => this.#database.statement(this.#sql.claimCleanup).run(this.#interval - 100).changes;
    if ((await this.#database.immediateTransaction(claim, signal)) === 0) return 0;
    let removed = 0;
    let from: unknown = 0;
    while (from !== null) {
      const start = Number(from);
      from = await this.#database.immediateTransaction(() => {
        const last = this.#database.statement(this.#sql.cleanupStep).get(start)?.['last'] ?? null;
        if (last !== null) removed += Number(this.#database.statement(this.#sql.cleanup).run(start, last).changes);
        return last;
      }, signal);
    }
    return removed;
  }
}
