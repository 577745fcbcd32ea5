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
import { bulkRounds } from './bulk-rounds.ts';
import { ExpiryCleanup } from './expiry-cleanup.ts';
import type { StatePostgresqlMetadata } from './fields.ts';
import { migrate } from './migrate.ts';
import { PostgresPool, type Statement } from './postgres-pool.ts';
import { checkKey, checkValue, isEtag, itemOf, mismatch } from './row.ts';
import { settingsOf } from './settings.ts';
import { statements, tablesOf } from './statements.ts';

type Write = StateSetRequest | StateDeleteRequest;

/** One write as SQL: which one, and its values. */
interface Change {
  readonly statement: Statement;
  readonly values: unknown[];
  /** It must touch a row. */
  readonly isConditional: boolean;
}

/** Keeps state in one table of a PostgreSQL database, laid out as Dapr's `state.postgresql` v2 lays it out. */
export class PostgresqlStateStore implements StateStore {
  readonly features = ['etag', 'ttl'] as const;
  readonly #pool: PostgresPool;
  readonly #sql: ReturnType<typeof statements>;
  readonly #cleanup: ExpiryCleanup | undefined;

  private constructor(pool: PostgresPool, sql: ReturnType<typeof statements>, cleanup: ExpiryCleanup | undefined) {
    this.#pool = pool;
    this.#sql = sql;
    this.#cleanup = cleanup;
  }

  /** Connects, makes the tables where they are missing, and starts the cleanup unless it is switched off. */
  static async open(
    metadata: StatePostgresqlMetadata,
    logger: Logger,
    signal: AbortSignal,
  ): Promise<PostgresqlStateStore> {
    const tables = tablesOf(metadata);
    const settings = settingsOf(metadata);
    const pool = await PostgresPool.open(settings, logger, signal);
    try {
      await migrate(pool, tables, signal);
      const sql = statements(tables, settings.preparesStatements);
      const { cleanupInterval: interval } = metadata;
      const key = `last-cleanup-state-v2-${tables.prefix}`;
      const cleanup = interval > 0 ? new ExpiryCleanup(pool, sql, { interval, key, logger }) : undefined;
      return new PostgresqlStateStore(pool, sql, cleanup);
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  async get({ key }: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    checkKey(key);
    const { rows } = await this.#pool.query(this.#sql.get, [key], signal);
    const [row] = rows;
    return row && itemOf(row);
  }

  async set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    await this.#write(request, this.#setting(request), signal);
  }

  async delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    await this.#write(request, this.#deleting(request), signal);
  }

  async getMany(
    requests: readonly StateGetRequest[],
    signal: AbortSignal,
  ): Promise<BulkOutcome<StateItem | undefined>[]> {
    this.#pool.assertOpen(signal);
    const outcomes = requests.map(({ key }) => outcomeOf(() => checkKey(key)));
    const keys = requests.filter((_, index) => outcomes[index]?.ok).map(({ key }) => key);
    const { rows } = await this.#pool.query(this.#sql.getMany, [keys], signal);
    const byKey = new Map(rows.map((row) => [String(row[0]), row]));
    return requests.map(({ key }, index) => {
      const outcome = outcomes[index];
      if (outcome?.ok === false) return outcome;
      const row = byKey.get(key);
      return outcomeOf(() => row && itemOf(row));
    });
  }

  setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    const sql = {
      always: this.#sql.setMany,
      absent: this.#sql.setManyIfAbsent,
      unchanged: this.#sql.setManyIfUnchanged,
    };
    return this.#many(
      requests,
      (request) => this.#setting(request),
      sql,
      (entries) => [entries.map(({ value }) => bufferOf(value)), entries.map(ttl)],
      signal,
    );
  }

  deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    const sql = {
      always: this.#sql.deleteMany,
      absent: this.#sql.deleteMany,
      unchanged: this.#sql.deleteManyIfUnchanged,
    };
    return this.#many(
      requests,
      (request) => this.#deleting(request),
      sql,
      () => [],
      signal,
    );
  }

  async transact(
    operations: readonly StateOperation[],
    _metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<void> {
    const [first, ...others] = operations;
    if (first === undefined) return;
    const changes = operations.map((operation) => ({
      operation,
      bytes: Buffer.from(operation.key),
      ...(operation.operation === 'set' ? this.#setting(operation) : this.#deleting(operation)),
    }));
    if (others.length === 0 && changes[0]) return this.#write(first, changes[0], signal);
    // Every writer takes the rows in one order, so that no two wait for each other in a circle; what one key is to go through keeps
    // its order.
    changes.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    await this.#pool.transaction(async (run) => {
      const results = await Promise.allSettled(changes.map(({ statement, values }) => run(statement, values)));
      for (const [index, result] of results.entries()) {
        if (result.status === 'rejected') throw result.reason;
        const change = changes[index];
        if (change?.isConditional && result.value.rowCount === 0) throw mismatch(change.operation);
      }
    }, signal);
  }

  async keysLike(
    { pattern, pageSize, continuationToken = '' }: KeysLikeRequest,
    signal: AbortSignal,
  ): Promise<{ keys: string[]; continuationToken?: string }> {
    const like = parseLike(pattern).map(likePart).join('');
    checkKey(like);
    checkKey(continuationToken);
    // one more than asked for shows whether there is another page
    const limit = pageSize === undefined ? null : pageSize + 1;
    const { rows } = await this.#pool.query(this.#sql.keysLike, [like, continuationToken, limit], signal);
    const keys = rows.map(([key]) => String(key));
    if (pageSize === undefined || keys.length <= pageSize) return { keys };
    const page = keys.slice(0, pageSize);
    return { keys: page, continuationToken: page.at(-1) ?? '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup?.[Symbol.asyncDispose]();
    await this.#pool[Symbol.asyncDispose]();
  }

  async #write(request: Write, { statement, values, isConditional }: Change, signal: AbortSignal): Promise<void> {
    const { rowCount } = await this.#pool.query(statement, values, signal);
    if (isConditional && rowCount === 0) throw mismatch(request);
  }

  #setting(request: StateSetRequest): Change {
    const { key, value, etag } = request;
    checkKey(key);
    checkValue(key, value);
    const values: unknown[] = [key, bufferOf(value), ttl(request)];
    if (etag !== undefined) {
      if (!isEtag(etag)) throw mismatch(request);
      return { statement: this.#sql.setIfUnchanged, values: [...values, etag], isConditional: true };
    }
    const isFirst = request.concurrency === 'first-write';
    return { statement: isFirst ? this.#sql.setIfAbsent : this.#sql.set, values, isConditional: isFirst };
  }

  #deleting(request: StateDeleteRequest): Change {
    const { key, etag } = request;
    checkKey(key);
    if (etag === undefined) return { statement: this.#sql.delete, values: [key], isConditional: false };
    if (!isEtag(etag)) throw mismatch(request);
    return { statement: this.#sql.deleteIfUnchanged, values: [key, etag], isConditional: true };
  }

  async #many<R extends Write>(
    requests: readonly R[],
    changeOf: (request: R) => Change,
    sql: Readonly<Record<'always' | 'absent' | 'unchanged', Statement>>,
    columns: (requests: readonly R[]) => unknown[],
    signal: AbortSignal,
  ): Promise<BulkOutcome<void>[]> {
    this.#pool.assertOpen(signal);
    const outcomes: BulkOutcome<void>[] = requests.map((request) => outcomeOf(() => void changeOf(request)));
    const valid = requests.flatMap((request, index) => (outcomes[index]?.ok ? [{ ...request, index }] : []));
    for (const round of bulkRounds(valid, kindOf)) {
      for (const [kind, entries] of round) {
        const batch = entries.map(([request]) => request);
        const etags = kind === 'unchanged' ? [batch.map(({ etag }) => etag)] : [];
        const values = [batch.map(({ key }) => key), ...columns(batch), ...etags];
        try {
          const { rows } = await this.#pool.query(sql[kind], values, signal);
          const done = kind === 'always' ? undefined : new Set(rows.map(([key]) => key as unknown));
          for (const request of batch) {
            if (done?.has(request.key) === false) outcomes[request.index] = { ok: false, error: mismatch(request) };
          }
        } catch (error) {
          // what the server finds wrong with one entry it says of the whole statement, of which nothing is done then
          const isOne = ComponentError.is(error) && error.code === 'invalid-argument' && batch.length > 1;
          for (const request of batch) {
            const write = () => this.#write(request, changeOf(request), signal);
            outcomes[request.index] = isOne ? await settled(write()) : { ok: false, error };
          }
        }
      }
    }
    return outcomes;
  }
}

function kindOf(request: Write): 'always' | 'absent' | 'unchanged' {
  if (request.etag !== undefined) return 'unchanged';
  return 'value' in request && request.concurrency === 'first-write' ? 'absent' : 'always';
}

function ttl({ ttlInSeconds }: StateSetRequest): number | null {
  return ttlInSeconds === undefined || ttlInSeconds <= 0 ? null : ttlInSeconds;
}

/** The driver takes plain Uint8Arrays for something else. */
function bufferOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function likePart(part: ReturnType<typeof parseLike>[number]): string {
  if (part === 'any-run') return '%';
  if (part === 'any-one') return '_';
  return part.text.replace(/[%_\\]/g, String.raw`\$&`);
}

function outcomeOf<T>(work: () => T): BulkOutcome<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
}

async function settled(work: Promise<void>): Promise<BulkOutcome<void>> {
  const [result] = await Promise.allSettled([work]);
  return result.status === 'fulfilled' ? { ok: true, value: undefined } : { ok: false, error: result.reason };
}
