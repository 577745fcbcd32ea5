import {
  type BulkOutcome,
  type KeysLikeRequest,
  type Logger,
  OpenCalls,
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
import { type Filter, type FindOptions, ReadConcern, WriteConcern } from 'mongodb';
import { writeMany } from './bulk-writes.ts';
import { ConnectionGate } from './connection-gate.ts';
import { type ItemDocument, itemOf } from './document.ts';
import type { StateMongoMetadata } from './fields.ts';
import { MongoConnection } from './mongo-connection.ts';
import { isDuplicateKey, operationFailure } from './mongo-failure.ts';
import { retryingConflicts, transact } from './mongo-transaction.ts';
import { mongoFilter, mongoSort, skipOf } from './query-filter.ts';
import { keysFrom, keysLike, like } from './regex.ts';
import { alive, changed, deletionOf, exists, updateOf } from './writes.ts';

const majorityRead = new ReadConcern('majority');
const majorityWrite = new WriteConcern('majority', undefined, true);

interface HowToWrite<R> {
  readonly one: (request: R, signal: AbortSignal) => Promise<void>;
  readonly together: (requests: readonly R[]) => Promise<BulkOutcome<void>[]>;
}

/** Keeps each item as a document, laid out as Dapr lays it out, whose value can be queried where it is JSON. */
export class MongoStateStore implements StateStore {
  readonly features = ['etag', 'ttl'] as const;
  /** Absent where the server is neither of a replica set nor a router. */
  readonly transact?: NonNullable<StateStore['transact']>;
  readonly #connection: MongoConnection;
  readonly #calls: OpenCalls;
  readonly #gate: ConnectionGate;
  readonly #strongRead: { readonly readConcern?: ReadConcern };

  private constructor(connection: MongoConnection, { operationTimeout, readconcern }: StateMongoMetadata) {
    this.#connection = connection;
    this.#calls = new OpenCalls({ server: `MongoDB at ${connection.address}`, timeout: operationTimeout });
    this.#gate = new ConnectionGate(connection.client, connection.address);
    this.#strongRead = readconcern === 'local' || readconcern === 'available' ? { readConcern: majorityRead } : {};
    if (connection.canTransact) this.transact = (operations, _, signal) => this.#transact(operations, signal);
  }

  /** Connects and prepares the collection. */
  static async open(metadata: StateMongoMetadata, logger: Logger, signal: AbortSignal): Promise<MongoStateStore> {
    const connection = await MongoConnection.open(metadata, logger, signal);
    if (!connection.canTransact) {
      logger.info(`MongoDB at ${connection.address} is no replica set: it has no transactions, and cannot keep actors`);
    }
    return new MongoStateStore(connection, metadata);
  }

  get(request: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    return this.#call(async (attempt) => {
      const { collection, clock } = this.#connection;
      const options = { ...this.#reading([request]), raw: true, signal: attempt };
      const found = await collection.findOne({ _id: request.key, ...alive(clock.now()) }, options);
      return found === null ? undefined : withoutKey(itemOf(bytesOf(found)));
    }, signal);
  }

  set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    return this.#call((attempt) => this.#set(request, attempt), signal);
  }

  delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    return this.#call((attempt) => this.#delete(request, attempt), signal);
  }

  getMany(requests: readonly StateGetRequest[], signal: AbortSignal): Promise<BulkOutcome<StateItem | undefined>[]> {
    return this.#call(async (attempt) => {
      const { clock } = this.#connection;
      const keys = [...new Set(requests.map(({ key }) => key))];
      const found = await this.#find({ _id: { $in: keys }, ...alive(clock.now()) }, this.#reading(requests), attempt);
      const items = new Map(found.map((item) => [item.key, withoutKey(item)]));
      return requests.map(({ key }) => ({ ok: true, value: items.get(key) }));
    }, signal);
  }

  setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#many(requests, signal, {
      one: (request, attempt) => this.#set(request, attempt),
      together: (plain) => writeMany(this.#connection, plain, this.#writing(plain).writeConcern),
    });
  }

  deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#many(requests, signal, {
      one: (request, attempt) => this.#delete(request, attempt),
      together: async (plain) => {
        await this.#connection.collection.deleteMany(
          { _id: { $in: plain.map(({ key }) => key) } },
          this.#writing(plain),
        );
        return plain.map(() => ({ ok: true, value: undefined }));
      },
    });
  }

  query(query: StateQuery, _metadata: RequestMetadata, signal: AbortSignal): Promise<StateQueryResult> {
    return this.#call(async (attempt) => {
      const { keyPrefix, filter, limit, token } = query;
      const conditions: Filter<ItemDocument>[] = [alive(this.#connection.clock.now())];
      if (keyPrefix) conditions.push({ _id: keysFrom(keyPrefix) });
      if (filter) conditions.push(mongoFilter(filter));
      const skip = skipOf(token);
      // one more than asked for shows whether there is another page
      const page = { sort: mongoSort(query.sort), skip, ...(limit !== undefined && { limit: limit + 1 }) };
      const items = await this.#find({ $and: conditions }, page, attempt);
      if (limit === undefined || items.length <= limit) return { items };
      return { items: items.slice(0, limit), token: String(skip + limit) };
    }, signal);
  }

  async keysLike({ pattern, pageSize, continuationToken }: KeysLikeRequest, signal: AbortSignal) {
    const expression = { ...keysLike(pattern), $regex: like(pattern) };
    return this.#call(async (attempt) => {
      const { collection, clock } = this.#connection;
      const after = continuationToken === undefined ? {} : { $gt: continuationToken };
      const filter = { _id: { ...expression, ...after }, ...alive(clock.now()) };
      const limit = pageSize === undefined ? {} : { limit: pageSize + 1 };
      const options = { projection: { _id: 1 }, sort: { _id: 1 }, ...limit, signal: attempt } as const;
      const found = await collection.find(filter, options).toArray();
      const keys = found.map(({ _id: key }) => key);
      if (pageSize === undefined || keys.length <= pageSize) return { keys };
      const page = keys.slice(0, pageSize);
      return { keys: page, continuationToken: page.at(-1) ?? '' };
    }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.close();
    await this.#connection[Symbol.asyncDispose]();
  }

  #transact(operations: readonly StateOperation[], signal: AbortSignal): Promise<void> {
    return this.#call((attempt) => transact(this.#connection, operations, attempt), signal);
  }

  async #set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    const { collection, clock } = this.#connection;
    const { filter, update, upsert } = updateOf(request, clock);
    const options = { upsert, ...this.#writing([request]) };
    const write = () => collection.updateOne(filter, update, options);
    try {
      const { matchedCount } = await retryingConflicts(write, signal);
      if (!upsert && matchedCount === 0) throw changed(request.key);
    } catch (error) {
      throw isDuplicateKey(error) && request.concurrency === 'first-write' ? exists(request.key) : error;
    }
  }

  async #delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    const { collection, clock } = this.#connection;
    const remove = () => collection.deleteOne(deletionOf(request, clock), this.#writing([request]));
    const { deletedCount } = await retryingConflicts(remove, signal);
    if (request.etag !== undefined && deletedCount === 0) throw changed(request.key);
  }

  #many<R extends { readonly etag?: string }>(
    requests: readonly R[],
    signal: AbortSignal,
    how: HowToWrite<R>,
  ): Promise<BulkOutcome<void>[]> {
    // a store that is closed refuses the call, not each entry
    return this.#calls.run(() => this.#writeAll(requests, signal, how), signal);
  }

  /** Those with an etag one by one, as only so the server says what became of each; the others in one request. */
  async #writeAll<R extends { readonly etag?: string }>(
    requests: readonly R[],
    signal: AbortSignal,
    { one, together }: HowToWrite<R>,
  ): Promise<BulkOutcome<void>[]> {
    const plain = requests.filter(({ etag }) => etag === undefined);
    const guarded = requests.filter(({ etag }) => etag !== undefined);
    const [ofPlain, ofGuarded] = await Promise.all([
      plain.length === 0 ? [] : this.#call(() => together(plain), signal).catch(sameFor(plain, signal)),
      Promise.all(guarded.map((request) => outcomeOf(this.#call((attempt) => one(request, attempt), signal)))),
    ]);
    signal.throwIfAborted();
    const [plainOnes, guardedOnes] = [ofPlain.values(), ofGuarded.values()];
    return requests.map(({ etag }) => {
      const { value: outcome } = (etag === undefined ? plainOnes : guardedOnes).next();
      return outcome ?? failed(new Error('an entry without an outcome'));
    });
  }

  async #find(
    filter: Filter<ItemDocument>,
    options: FindOptions,
    signal: AbortSignal,
  ): Promise<ReturnType<typeof itemOf>[]> {
    const found = await this.#connection.collection.find(filter, { ...options, raw: true, signal }).toArray();
    return found.map((document) => itemOf(bytesOf(document)));
  }

  #reading(requests: readonly Pick<StateGetRequest, 'consistency'>[]): { readonly readConcern?: ReadConcern } {
    return requests.some(({ consistency }) => consistency === 'strong') ? this.#strongRead : {};
  }

  #writing(requests: readonly Pick<StateSetRequest, 'consistency'>[]): { readonly writeConcern?: WriteConcern } {
    return requests.some(({ consistency }) => consistency === 'strong') ? { writeConcern: majorityWrite } : {};
  }

  /**
   * One operation within operationTimeout. Who gives up is answered at once; what it has sent goes on, as the client library could
   * only end it with its connection.
   */
  async #call<T>(send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const call = async () => {
      try {
        return await this.#calls.request((attempt) => this.#gate.run(send, attempt), signal);
      } catch (error) {
        throw signal.aborted ? error : operationFailure(error, this.#connection.address);
      }
    };
    return this.#calls.run(call, signal);
  }
}

/** With `raw` a document is given as its bytes, whatever the types of the client library say. */
function bytesOf(document: unknown): Uint8Array {
  return document as Uint8Array;
}

function withoutKey({ value, etag, expiresAt }: StateItem): StateItem {
  return { value, ...(etag !== undefined && { etag }), ...(expiresAt && { expiresAt }) };
}

async function outcomeOf(write: Promise<void>): Promise<BulkOutcome<void>> {
  try {
    return { ok: true, value: await write };
  } catch (error) {
    return failed(error);
  }
}

const failed = (error: unknown): BulkOutcome<void> => ({ ok: false, error });

function sameFor(requests: readonly unknown[], signal: AbortSignal): (error: unknown) => BulkOutcome<void>[] {
  return (error) => {
    signal.throwIfAborted();
    return requests.map(() => failed(error));
  };
}
