import { errorMessage, type Logger } from '@outrigger/core';
import type { SqliteDatabase } from '@outrigger/sqlite-client';

export interface CleanupOptions {
  readonly database: SqliteDatabase;
  readonly tableName: string;
  readonly metadataTableName: string;
  /** Milliseconds; 0: never. */
  readonly cleanupInterval: number;
  readonly logger: Logger;
}

/** What `setInterval` can wait at most; beyond it does not wait at all. */
const longestInterval = 2 ** 31 - 1;

/**
 * From time to time removes rows that nobody has renewed for a whole `cleanupInterval`: a peer with a longer `updateInterval`
 * than ours is none of them. Sidecars that share the file take turns by an entry in the metadata table, which is Dapr's too.
 */
export function scheduleCleanup({ cleanupInterval, ...options }: CleanupOptions): Disposable {
  if (cleanupInterval <= 0) return { [Symbol.dispose]: () => {} };
  const { database, logger } = options;
  const seconds = Math.ceil(cleanupInterval / 1000);
  const stopping = new AbortController();

  async function cleanUp(): Promise<void> {
    try {
      await database.immediateTransaction(() => removeDead(seconds, options), stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) logger.warn(`could not clean up old registrations: ${errorMessage(error)}`);
    }
  }

  const timer = setInterval(() => void cleanUp(), Math.min(cleanupInterval, longestInterval)).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stopping.abort();
    },
  };
}

function removeDead(
  seconds: number,
  { database, tableName, metadataTableName }: Omit<CleanupOptions, 'cleanupInterval'>,
): void {
  const turn = `INSERT INTO ${metadataTableName} (key, value) VALUES ('nr-last-cleanup', CURRENT_TIMESTAMP)
    ON CONFLICT (key) DO UPDATE SET value = CURRENT_TIMESTAMP WHERE unixepoch() - unixepoch(value) > ?`;
  if (Number(database.statement(turn).run(seconds / 2).changes) === 0) return;
  database.statement(`DELETE FROM ${tableName} WHERE unixepoch() - last_update > ?`).run(seconds);
}
