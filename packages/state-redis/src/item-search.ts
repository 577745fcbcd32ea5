import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ComponentError, type RequestMetadata, type StateQuery } from '@outrigger/core';
import { isReplyError, type RedisConnection } from '@outrigger/redis-client';
import { createArguments, parseQueryIndexes, type QueryIndex } from './query-indexes.ts';
import { toSearchQuery } from './search-query.ts';

const keysPerStep = 1000;
const longestPause = 250;

/**
 * Finds the keys of items by RediSearch. Each app has an index of its own, over the keys with its prefix only; it is made by
 * the first query that needs it, which waits until the server has gone over the items that are there.
 */
export class ItemSearch {
  readonly #connection: RedisConnection;
  readonly #indexes: ReadonlyMap<string, QueryIndex>;
  readonly #known = new Set<string>();

  private constructor(connection: RedisConnection, indexes: ReadonlyMap<string, QueryIndex>) {
    this.#connection = connection;
    this.#indexes = indexes;
  }

  /** Throws where the metadata is wrong, or where the server has no RediSearch. */
  static async open(connection: RedisConnection, queryIndexes: string, signal: AbortSignal): Promise<ItemSearch> {
    const indexes = parseQueryIndexes(queryIndexes);
    for (const command of ['FT._LIST', 'JSON.GET'] as const) {
      await connection.send(command, command === 'JSON.GET' ? ['outrigger'] : [], signal).catch((error: unknown) => {
        if (!(ComponentError.is(error) && error.code === 'unsupported')) throw error;
        const message = `queryIndexes: Redis at ${connection.address} has not both modules RediSearch and RedisJSON, or this user may not use them. Leave queryIndexes out, or use a server that has them`;
        throw new ComponentError('invalid-argument', message, { cause: error });
      });
    }
    return new ItemSearch(connection, indexes);
  }

  /** A page of keys, in order; without a limit all. The token is the place of the next page. */
  async find(
    query: StateQuery,
    metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<{ readonly keys: readonly string[]; readonly token?: string }> {
    const index = this.#indexCalled(metadata);
    const { expression, parameters, sortBy } = toSearchQuery(query, index);
    const offset = offsetOf(query.token);
    const command = [
      expression,
      'NOCONTENT',
      ...sortBy,
      ...(parameters.length === 0 ? [] : ['PARAMS', parameters.length, ...parameters]),
      'DIALECT',
      2,
      'LIMIT',
    ];
    const { limit, keyPrefix } = query;
    const search = (from: number, count: number) => this.#search(index, keyPrefix, [...command, from, count], signal);
    if (limit !== undefined) {
      // one more than asked for shows whether there is another page
      const keys = await search(offset, limit + 1);
      return keys.length <= limit ? { keys } : { keys: keys.slice(0, limit), token: String(offset + limit) };
    }
    const keys: string[] = [];
    for (;;) {
      const step = await search(offset + keys.length, keysPerStep);
      keys.push(...step);
      if (step.length < keysPerStep) return { keys };
    }
  }

  async #search(
    index: QueryIndex,
    keyPrefix: string | undefined,
    command: readonly (string | number)[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const [, ...schema] = createArguments('', index, keyPrefix);
    const name = `${index.name}@${createHash('sha256').update(schema.join('\n')).digest('hex').slice(0, 16)}`;
    for (let attempt = 1; ; attempt++) {
      if (!this.#known.has(name)) await this.#make(name, schema, signal);
      try {
        const [, ...keys] = (await this.#connection.send('FT.SEARCH', [name, ...command], signal)) as [
          number,
          ...Buffer[],
        ];
        return keys.map((key) => key.toString());
      } catch (error) {
        // gone with a server that kept nothing, or dropped
        if (attempt > 1 || !isMissingIndex(error)) throw error;
        this.#known.delete(name);
      }
    }
  }

  async #make(name: string, schema: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await this.#connection.send('FT.CREATE', [name, ...schema], signal);
    } catch (error) {
      if (!/already exists/i.test(errorReply(error))) throw error;
    }
    for (let pause = 5; await this.#isIndexing(name, signal); pause = Math.min(longestPause, 2 * pause)) {
      await sleep(pause, undefined, { signal });
    }
    this.#known.add(name);
  }

  async #isIndexing(name: string, signal: AbortSignal): Promise<boolean> {
    const info = (await this.#connection.send('FT.INFO', [name], signal)) as unknown[];
    const at = info.findIndex((entry) => String(entry) === 'indexing');
    return at >= 0 && String(info[at + 1]) === '1';
  }

  #indexCalled(metadata: RequestMetadata): QueryIndex {
    const name = Object.entries(metadata).find(([key]) => key.toLowerCase() === 'queryindexname')?.[1];
    const index = this.#indexes.get(name ?? '');
    if (index !== undefined) return index;
    const names = Array.from(this.#indexes.keys(), (each) => `"${each}"`).join(', ');
    const what = name ? `there is no query index "${name}"` : 'the query names no index';
    throw new ComponentError('invalid-argument', `${what}: metadata.queryIndexName must be one of ${names}`);
  }
}

function offsetOf(token: string | undefined): number {
  if (token === undefined) return 0;
  if (/^\d{1,9}$/.test(token)) return Number(token);
  throw new ComponentError('invalid-argument', 'page.token was not given by this store');
}

function isMissingIndex(error: unknown): boolean {
  return /no such index|unknown index|index not found/i.test(errorReply(error));
}

function errorReply(error: unknown): string {
  return isReplyError(error) && error instanceof Error ? error.message : '';
}
