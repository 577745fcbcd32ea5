import {
  type BulkOutcome,
  ComponentError,
  type KeysLikeRequest,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateQuery,
  type StateQueryResult,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import type { RedisArgument, RedisConnection } from '@outrigger/redis-client';
import { formatOf } from './item-format.ts';
import type { ItemSearch } from './item-search.ts';
import { keyPage } from './key-pages.ts';
import { deleteIfScript, getScript, setIfScript, setScript, transactScript } from './scripts.ts';
import { StrongWrites } from './strong-writes.ts';

export interface RedisStateStoreOptions {
  /** For items that are written without one; 0 or less: for ever. */
  readonly ttlInSeconds: number;
  /** In a cluster no write waits for replicas. */
  readonly isCluster: boolean;
  /** Where queries can be answered. */
  readonly search?: ItemSearch;
}

/**
 * Keeps each item in a hash or a JSON document of Redis, laid out as Dapr lays it out. Every call is one round trip, a query two.
 */
export class RedisStateStore implements StateStore {
  readonly features = ['etag', 'ttl'] as const;
  readonly transactsWithinOneShard: boolean;
  readonly query?: NonNullable<StateStore['query']>;
  readonly #connection: RedisConnection;
  readonly #options: RedisStateStoreOptions;
  readonly #strong: StrongWrites;

  /** Takes the connection over: disposing the store closes it. */
  constructor(connection: RedisConnection, options: RedisStateStoreOptions) {
    this.#connection = connection;
    this.#options = options;
    this.transactsWithinOneShard = options.isCluster;
    this.#strong = new StrongWrites(connection);
    const { search } = options;
    if (search) this.query = (query, metadata, signal) => this.#query(search, query, metadata, signal);
  }

  async get({ key }: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    const reply = await this.#connection.run(getScript, [key], [], signal);
    if (reply === null) return undefined;
    const [value, version, left] = reply as [Buffer, Buffer, number];
    const item = { value, etag: version.toString() };
    return left < 0 ? item : { ...item, expiresAt: new Date(Date.now() + left) };
  }

  set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    return this.#written(request, (connection) => this.#set(connection, request, signal), signal);
  }

  delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    return this.#written(request, (connection) => this.#delete(connection, request, signal), signal);
  }

  getMany(requests: readonly StateGetRequest[], signal: AbortSignal): Promise<BulkOutcome<StateItem | undefined>[]> {
    return this.#each(requests, (request) => this.get(request, signal), signal);
  }

  setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#each(requests, (request) => this.set(request, signal), signal);
  }

  deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#each(requests, (request) => this.delete(request, signal), signal);
  }

  async transact(
    operations: readonly StateOperation[],
    _metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<void> {
    if (operations.length === 0) return;
    const keys = operations.map(({ key }) => key);
    const args = operations.flatMap((operation): RedisArgument[] => {
      const condition = conditionOf(operation);
      return operation.operation === 'delete'
        ? ['delete', condition, '', 0, '']
        : ['set', condition, operation.value, this.#ttl(operation), formatOf(operation)];
    });
    const strong = operations.some(({ consistency }) => consistency === 'strong');
    const run = (connection: RedisConnection) => connection.run(transactScript, keys, args, signal);
    const failed =
      operations[Number(await this.#written({ consistency: strong ? 'strong' : 'eventual' }, run, signal)) - 1];
    if (failed !== undefined) throw mismatch(failed);
  }

  async keysLike(
    request: KeysLikeRequest,
    signal: AbortSignal,
  ): Promise<{ readonly keys: readonly string[]; readonly continuationToken?: string }> {
    return keyPage(this.#connection, request, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#strong[Symbol.asyncDispose]();
    await this.#connection[Symbol.asyncDispose]();
  }

  // an item that changes between the two round trips is given as it is by then, one that goes is left out
  async #query(
    search: ItemSearch,
    query: StateQuery,
    metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<StateQueryResult> {
    const { keys, token } = await search.find(query, metadata, signal);
    const items = await Promise.all(keys.map(async (key) => ({ key, item: await this.get({ key }, signal) })));
    return {
      items: items.flatMap(({ key, item }) => (item === undefined ? [] : [{ key, ...item }])),
      ...(token === undefined ? {} : { token }),
    };
  }

  async #set(connection: RedisConnection, request: StateSetRequest, signal: AbortSignal): Promise<void> {
    const { key, value } = request;
    const condition = conditionOf(request);
    const ttl = this.#ttl(request);
    const format = formatOf(request);
    if (condition === 'any') {
      await connection.run(setScript, [key], [value, ttl, format], signal);
    } else {
      const etag = condition === 'absent' ? '' : condition;
      if ((await connection.run(setIfScript, [key], [value, ttl, format, etag], signal)) === 0) throw mismatch(request);
    }
  }

  async #delete(connection: RedisConnection, request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    const condition = conditionOf(request);
    if (condition === 'any') await connection.send('DEL', [request.key], signal);
    else if ((await connection.run(deleteIfScript, [request.key], [condition], signal)) === 0) throw mismatch(request);
  }

  #written<T>(
    { consistency }: Pick<StateSetRequest, 'consistency'>,
    write: (connection: RedisConnection) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (consistency !== 'strong' || this.#options.isCluster) return write(this.#connection);
    return this.#strong.run(write, signal);
  }

  /** Seconds, 0 for ever. */
  #ttl({ ttlInSeconds = this.#options.ttlInSeconds }: StateSetRequest): number {
    return Math.max(0, ttlInSeconds);
  }

  async #each<R, T>(
    requests: readonly R[],
    call: (request: R) => Promise<T>,
    signal: AbortSignal,
  ): Promise<BulkOutcome<T>[]> {
    signal.throwIfAborted();
    this.#connection.assertReady();
    const results = await Promise.allSettled(requests.map(call));
    return results.map((result) =>
      result.status === 'fulfilled'
        ? { ok: true, value: result.value }
        : { ok: false, error: result.reason as unknown },
    );
  }
}

/** What must hold for the write: nothing (`any`), that there is no item (`absent`), or the etag. */
function conditionOf(request: StateSetRequest | StateDeleteRequest | StateOperation): string {
  const { etag } = request;
  if (etag !== undefined) {
    if (/^\d+$/.test(etag)) return etag;
    throw new ComponentError('invalid-argument', `"${etag}" is no etag of this store: they are whole numbers`);
  }
  return 'value' in request && request.concurrency === 'first-write' ? 'absent' : 'any';
}

function mismatch({ key, etag }: StateSetRequest | StateDeleteRequest): ComponentError {
  const what = etag === undefined ? 'exists already' : 'is not the one that the etag belongs to';
  return new ComponentError('etag-mismatch', `the item "${key}" ${what}`);
}
