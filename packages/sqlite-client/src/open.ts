import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import { type Location, parseConnectionString } from './connection-string.ts';
import { SqliteDatabase } from './database.ts';
import { driver } from './driver.ts';
import type { SqliteMetadata } from './fields.ts';

export interface SqliteContext {
  readonly logger: Logger;
  /** Covers the opening only. */
  readonly signal: AbortSignal;
}

/**
 * Opens the database that {@link sqliteFields} parsed to, creating the file when it is missing. Rejects, leaving nothing
 * behind, with `invalid-argument` when the connection string cannot work and `unavailable` when the file cannot be opened.
 * Defaults: write-ahead logging with `synchronous=NORMAL`, which survives the death of any process; a power cut may take the
 * last transactions. `_pragma=synchronous(FULL)` in the connection string closes that gap at the price of a disk flush a write.
 */
export async function openSqlite(metadata: SqliteMetadata, { logger, signal }: SqliteContext): Promise<SqliteDatabase> {
  signal.throwIfAborted();
  const location = parseConnectionString(metadata.connectionString, logger);
  const name = location.path === undefined ? 'in memory' : JSON.stringify(resolve(location.path));
  if (location.path !== undefined) refuseMissingFolder(dirname(resolve(location.path)));

  const database = new SqliteDatabase(connect(location, name), {
    name,
    busyTimeout: Math.min(metadata.busyTimeout, metadata.timeout),
  });
  try {
    const mode = location.path === undefined ? 'MEMORY' : metadata.disableWAL ? 'DELETE' : 'WAL';
    if (!location.readOnly) await database.read(() => database.execute(`PRAGMA journal_mode = ${mode}`), signal);
    const pragmas = mode === 'WAL' ? ['synchronous = NORMAL', ...location.pragmas] : location.pragmas;
    for (const pragma of pragmas) await database.read(() => database.execute(`PRAGMA ${pragma}`), signal);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

function refuseMissingFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ComponentError(
    'invalid-argument',
    `connectionString: there is no folder "${folder}": create it, or point to another`,
  );
}

function connect({ uri, readOnly }: Location, name: string) {
  const { DatabaseSync } = driver();
  try {
    // timeout 0: SQLite would wait for a lock by blocking the whole process
    return new DatabaseSync(uri, { timeout: 0, readOnly });
  } catch (error) {
    const message = `cannot open the SQLite database ${name}: ${errorMessage(error)}. May its file and folder be read and written?`;
    throw new ComponentError('unavailable', message, { cause: error });
  }
}
