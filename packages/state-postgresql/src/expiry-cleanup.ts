import { errorMessage, type Logger } from '@outrigger/core';
import type { PostgresPool } from './postgres-pool.ts';
import type { statements } from './statements.ts';

export interface ExpiryCleanupOptions {
  /** Milliseconds from one cleanup to the next. */
  readonly interval: number;
  /** Under which the metadata table holds the time of the last one. */
  readonly key: string;
  readonly logger: Logger;
}

const step = 1000;

/**
 * Removes the rows of expired items every `interval` milliseconds, in small steps. Of all processes that share the table (Dapr's
 * too) one does it. The timer never keeps the process alive.
 */
export class ExpiryCleanup implements AsyncDisposable {
  readonly #pool: PostgresPool;
  readonly #sql: ReturnType<typeof statements>;
  readonly #options: ExpiryCleanupOptions;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  constructor(pool: PostgresPool, sql: ReturnType<typeof statements>, options: ExpiryCleanupOptions) {
    this.#pool = pool;
    this.#sql = sql;
    this.#options = options;
    this.#timer = setInterval(
      () => {
        this.#running ??= this.#run().finally(() => (this.#running = undefined));
      },
      Math.min(options.interval, 2 ** 31 - 1),
    ).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { interval, logger } = this.#options;
    try {
      const removed = await this.#removeExpired(this.#stopped.signal);
      logger.debug(`removed ${removed} expired rows`);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      logger.warn(`expired rows could not be removed, next try in ${interval} ms: ${errorMessage(error)}`);
    }
  }

  async #removeExpired(signal: AbortSignal): Promise<number> {
    const { key, interval } = this.#options;
    // Dapr's tolerance
    const claimed = await this.#pool.query(this.#sql.claimCleanup, [key, Math.trunc(interval - 100)], signal);
    if (claimed.rowCount === 0) return 0;
    let removed = 0;
    for (;;) {
      const { rowCount } = await this.#pool.query(this.#sql.cleanup, [step], signal);
      removed += rowCount ?? 0;
      if ((rowCount ?? 0) < step) return removed;
    }
  }
}
