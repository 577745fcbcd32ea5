import { randomUUID } from 'node:crypto';
import {
  type BulkOutcome,
  ComponentError,
  type KeysLikeRequest,
  type Logger,
  parseLike,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import { identifier, migrate, openSqlite, type SqliteDatabase } from '@outrigger/sqlite-client';
import { ExpiryCleanup } from './expiry-cleanup.ts';
import type { StateSqliteMetadata } from './fields.ts';
import { expirationTime, itemOf, storedValue } from './row.ts';
import { schema, statements } from './statements.ts';

/** Keeps state in one table of a SQLite database, laid out as Dapr lays it out. */
export class SqliteStateStore implements StateStore {
  readonly features = ['etag', 'ttl'] as const;
  readonly #database: SqliteDatabase;
  readonly #sql: ReturnType<typeof statements>;
  readonly #cleanup: ExpiryCleanup | undefined;

  private constructor(
    database: SqliteDatabase,
    sql: ReturnType<typeof statements>,
    cleanup: ExpiryCleanup | undefined,
  ) {
    this.#database = database;
    this.#sql = sql;
    this.#cleanup = cleanup;
  }

  /** Opens the database, brings its schema up to date, and starts the cleanup when one is asked for. */
  static async open(metadata: StateSqliteMetadata, logger: Logger, signal: AbortSignal): Promise<SqliteStateStore> {
    const table = identifier('tableName', metadata.tableName);
    const { metadataTableName: metadataTable, cleanupInterval } = metadata;
    const database = await openSqlite(metadata, { logger, signal });
    try {
      await migrate(database, { metadataTable, key: 'migrations', levels: [schema(table)] }, signal);
      const sql = statements(table, metadataTable);
      const cleanup = cleanupInterval > 0 ? new ExpiryCleanup(database, sql, cleanupInterval, logger) : undefined;
      return new SqliteStateStore(database, sql, cleanup);
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
  }

  get({ key }: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    return this.#database.read(() => this.#read(key), signal);
  }

  set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    return this.#database.immediateTransaction(this.#write(request), signal);
  }

  delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    return this.#database.immediateTransaction(this.#remove(request), signal);
  }

  getMany(requests: readonly StateGetRequest[], signal: AbortSignal): Promise<BulkOutcome<StateItem | undefined>[]> {
    return this.#database.read(() => requests.map(({ key }) => ({ ok: true, value: this.#read(key) })), signal);
  }

  setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#each(
      requests.map((request) => this.#write(request)),
      signal,
    );
  }

  deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#each(
      requests.map((request) => this.#remove(request)),
      signal,
    );
  }

  transact(operations: readonly StateOperation[], _metadata: RequestMetadata, signal: AbortSignal): Promise<void> {
    const works = operations.map((operation) =>
      operation.operation === 'set' ? this.#write(operation) : this.#remove(operation),
    );
    return this.#database.immediateTransaction(() => works.forEach((work) => work()), signal);
  }

  async keysLike(
    { pattern, pageSize, continuationToken = '' }: KeysLikeRequest,
    signal: AbortSignal,
  ): Promise<{ keys: string[]; continuationToken?: string }> {
    const glob = parseLike(pattern).map(globPart).join('');
    // one more than asked for shows whether there is another page
    const limit = pageSize === undefined ? -1 : pageSize + 1;
    const list = () => this.#database.statement(this.#sql.keysLike).all(glob, continuationToken, limit);
    const keys = (await this.#database.read(list, signal)).map(({ key }) => String(key));
    if (pageSize === undefined || keys.length <= pageSize) return { keys };
    const page = keys.slice(0, pageSize);
    return { keys: page, continuationToken: page.at(-1) ?? '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup?.[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }

  #read(key: string): StateItem | undefined {
    const row = this.#database.statement(this.#sql.get).get(key);
    return row && itemOf(row);
  }

  /** What writes the item, to be run in a transaction. */
  #write({ key, value, etag, concurrency, ttlInSeconds }: StateSetRequest): () => void {
    const { text, isBinary } = storedValue(value);
    const expiration = expirationTime(ttlInSeconds);
    const newEtag = randomUUID();
    if (etag !== undefined) {
      return () => {
        const update = this.#database.statement(this.#sql.setIfUnchanged);
        if (update.run(text, isBinary, newEtag, expiration, key, etag).changes === 0) throw changed(key);
      };
    }
    const sql = concurrency === 'first-write' ? this.#sql.setIfAbsent : this.#sql.set;
    return () => {
      const { changes } = this.#database.statement(sql).run(key, text, isBinary, newEtag, expiration);
      if (changes === 0) throw new ComponentError('etag-mismatch', `the item "${key}" exists already`);
    };
  }

  #remove({ key, etag }: StateDeleteRequest): () => void {
    if (etag === undefined) return () => void this.#database.statement(this.#sql.delete).run(key);
    return () => {
      if (this.#database.statement(this.#sql.deleteIfUnchanged).run(key, etag).changes === 0) throw changed(key);
    };
  }

  async #each(works: readonly (() => void)[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    // rejects when nothing can be tried at all: closed, or aborted
    await this.#database.read(() => undefined, signal);
    const results = await Promise.allSettled(works.map((work) => this.#database.immediateTransaction(work, signal)));
    return results.map((result) =>
      result.status === 'fulfilled' ? { ok: true, value: undefined } : { ok: false, error: result.reason as unknown },
    );
  }
}

function changed(key: string): ComponentError {
  return new ComponentError('etag-mismatch', `the item "${key}" is not the one that the etag belongs to`);
}

/** GLOB instead of LIKE: it tells upper from lower case. */
function globPart(part: ReturnType<typeof parseLike>[number]): string {
  if (part === 'any-run') return '*';
  if (part === 'any-one') return '?';
  return part.text.replace(/[*?[]/g, '[$&]');
}
