import {
  type BulkOutcome,
  ComponentError,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateFeature,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateQuery,
  type StateQueryResult,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import { StateStoreDefinition } from '@outrigger/protocol/components';

import { queriable, transactional, transactionSize } from '../services.ts';
import { closed, type ComponentSocket } from './component-socket.ts';
import { remoteQuery } from './remote-query.ts';
import { deleteRequest, getRequest, itemOf, setRequest } from './state-messages.ts';

const { methods } = StateStoreDefinition;
const service = StateStoreDefinition.fullName;

/** What a state store in another process can do, once it has been asked. */
export interface RemoteStateAbilities {
  readonly features: readonly StateFeature[];
  readonly transacts: boolean;
  readonly queries: boolean;
  /** The most operations of a transaction; absent: any number. */
  readonly maxTransactionSize?: number;
}

/** A state store in another process. */
export class RemoteStateStore implements StateStore {
  readonly features: readonly StateFeature[];
  readonly maxTransactionSize?: number;
  readonly transact?: StateStore['transact'] & {};
  readonly query?: StateStore['query'] & {};
  readonly #socket: ComponentSocket;
  #hasBulkGet = true;
  #hasBulkSet = true;
  #hasBulkDelete = true;

  constructor(socket: ComponentSocket, abilities: RemoteStateAbilities) {
    this.#socket = socket;
    this.features = abilities.features;
    if (abilities.maxTransactionSize !== undefined) this.maxTransactionSize = abilities.maxTransactionSize;
    if (abilities.transacts) this.transact = (...request) => this.#transact(...request);
    if (abilities.queries) this.query = (...request) => this.#query(...request);
  }

  async get(request: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    return itemOf(await this.#socket.call({ service, method: methods.get }, getRequest(request), signal));
  }

  async set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    await this.#socket.call({ service, method: methods.set }, setRequest(request), signal, isConditional(request));
  }

  async delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    const message = deleteRequest(request);
    await this.#socket.call({ service, method: methods.delete }, message, signal, isConditional(request));
  }

  async getMany(
    requests: readonly StateGetRequest[],
    signal: AbortSignal,
  ): Promise<BulkOutcome<StateItem | undefined>[]> {
    if (this.#socket.isClosed) throw closed();
    if (this.#hasBulkGet) {
      const items = requests.map(getRequest);
      const target = { service, method: methods.bulkGet };
      const answer = await unlessUnsupported(this.#socket.call(target, { items, options: parallel }, signal));
      if (answer !== undefined) {
        const byKey = new Map(answer.items.map((item) => [item.key, item]));
        return requests.map(({ key }) => {
          const item = byKey.get(key);
          if (item === undefined) return { ok: true, value: undefined };
          if (item.error !== '') return { ok: false, error: new ComponentError('internal', item.error) };
          return { ok: true, value: itemOf(item) };
        });
      }
      this.#hasBulkGet = false;
    }
    return each(requests, (request) => this.get(request, signal));
  }

  /**
   * In one call when nothing can refuse a single entry: the protocol answers for all of them at once, and so an error is every
   * entry's, also of one that was written.
   */
  async setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    if (this.#socket.isClosed) throw closed();
    if (this.#hasBulkSet && !requests.some(isConditional)) {
      const items = requests.map(setRequest);
      const call = this.#socket.call({ service, method: methods.bulkSet }, { items, options: parallel }, signal);
      const outcomes = await together(call, requests.length);
      if (outcomes !== undefined) return outcomes;
      this.#hasBulkSet = false;
    }
    return each(requests, (request) => this.set(request, signal));
  }

  /** As {@link RemoteStateStore.setMany}. */
  async deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    if (this.#socket.isClosed) throw closed();
    if (this.#hasBulkDelete && !requests.some(isConditional)) {
      const items = requests.map(deleteRequest);
      const call = this.#socket.call({ service, method: methods.bulkDelete }, { items, options: parallel }, signal);
      const outcomes = await together(call, requests.length);
      if (outcomes !== undefined) return outcomes;
      this.#hasBulkDelete = false;
    }
    return each(requests, (request) => this.delete(request, signal));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket[Symbol.asyncDispose]();
  }

  async #transact(
    operations: readonly StateOperation[],
    metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<void> {
    const message = {
      operations: operations.map((operation) =>
        operation.operation === 'set' ? { set: setRequest(operation) } : { delete: deleteRequest(operation) },
      ),
      metadata: { ...metadata },
    };
    const target = { service: transactional.fullName, method: transactional.methods.transact };
    await this.#socket.call(target, message, signal, operations.some(isConditional));
  }

  #query(query: StateQuery, metadata: RequestMetadata, signal: AbortSignal): Promise<StateQueryResult> {
    const target = { service: queriable.fullName, method: queriable.methods.query };
    return remoteQuery((request) => this.#socket.call(target, request, signal), query, metadata);
  }
}

/** Asks a store that has been told its properties what it can do; `served` are the services behind its socket. */
export async function remoteStateAbilities(
  call: <I, O>(...target: Parameters<typeof ComponentSocket.prototype.call<I, O>>) => Promise<O>,
  served: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<RemoteStateAbilities> {
  const { features } = await call({ service, method: methods.features }, {}, signal);
  const has = (feature: string) => features.includes(feature);
  const transacts = has('TRANSACTIONAL') && served.has(transactional.fullName);
  let size = 0;
  if (transacts && served.has(transactionSize.fullName)) {
    const method = transactionSize.methods.multiMaxSize;
    const answer = await unlessUnsupported(call({ service: transactionSize.fullName, method }, {}, signal));
    size = Number(answer?.maxSize ?? 0);
  }
  return {
    features: [...(has('ETAG') ? (['etag'] as const) : []), ...(has('TTL') ? (['ttl'] as const) : [])],
    transacts,
    queries: has('QUERY_API') && served.has(queriable.fullName),
    ...(size > 0 && { maxTransactionSize: size }),
  };
}

const parallel = { parallelism: 0n };

function isConditional({ etag, concurrency }: StateSetRequest | StateDeleteRequest): boolean {
  return etag !== undefined || concurrency === 'first-write';
}

/** `undefined` when the process does not have the method. */
async function unlessUnsupported<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (ComponentError.is(error) && error.code === 'unsupported') return undefined;
    throw error;
  }
}

async function together(call: Promise<unknown>, count: number): Promise<BulkOutcome<void>[] | undefined> {
  const all = (outcome: BulkOutcome<void>) => Array.from({ length: count }, () => outcome);
  try {
    const answer = await unlessUnsupported(call);
    return answer === undefined ? undefined : all({ ok: true, value: undefined });
  } catch (error) {
    if (ComponentError.is(error)) return all({ ok: false, error });
    throw error;
  }
}

function each<R, T>(requests: readonly R[], run: (request: R) => Promise<T>): Promise<BulkOutcome<T>[]> {
  return Promise.all(
    requests.map((request) =>
      run(request).then(
        (value): BulkOutcome<T> => ({ ok: true, value }),
        (error: unknown): BulkOutcome<T> => ({ ok: false, error }),
      ),
    ),
  );
}
