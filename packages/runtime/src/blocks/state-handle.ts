import {
  type BulkOutcome,
  parseStateQuery,
  type Policy,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateQueryResult,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import { ApiError } from '../errors.ts';
import type { Outbox } from './outbox.ts';
import { type CallerTrace, planOutbox } from './outbox-events.ts';
import { failuresOf, runAll, runUnder } from './state-bulk.ts';
import type { StateEncryption } from './state-encryption.ts';
import * as errors from './state-errors.ts';
import { checkKey } from './state-key.ts';
import { listKeys } from './state-keys.ts';
import { checkConsistency, checkedOptions, ttlInSeconds } from './state-request.ts';
import type {
  BulkStateItem,
  SaveItem,
  StateDeleteOptions,
  StateHandle,
  StateKeys,
  StateKeysRequest,
  StateReadOptions,
  TransactionOperation,
} from './state.ts';

export interface StoreHandleOptions {
  readonly name: string;
  readonly store: StateStore;
  /** Before every key, separator included; may be empty. */
  readonly prefix: string;
  /** Asked with each call. */
  readonly policy: () => Policy | undefined;
  readonly encryption: StateEncryption | undefined;
  readonly outbox?: Outbox | undefined;
  readonly hideSecrets?: ((text: string) => string) | undefined;
  /** Absent: calls are not counted. */
  readonly meter?: ComponentMeter | undefined;
}

const never = new AbortController().signal;

/** A loaded store with its prefix, policy and encryption. Made once per component, used by all requests. */
export class StoreHandle implements StateHandle {
  readonly #name: string;
  readonly #store: StateStore;
  readonly #prefix: string;
  readonly #policy: () => Policy | undefined;
  readonly #encryption: StateEncryption | undefined;
  readonly #outbox: Outbox | undefined;
  readonly #hideSecrets: (text: string) => string;
  readonly #meter: ComponentMeter | undefined;

  constructor(options: StoreHandleOptions) {
    this.#name = options.name;
    this.#store = options.store;
    this.#prefix = options.prefix;
    this.#policy = options.policy;
    this.#encryption = options.encryption;
    this.#outbox = options.outbox;
    this.#hideSecrets = options.hideSecrets ?? ((text) => text);
    this.#meter = options.meter;
  }

  async get(key: string, options?: StateReadOptions, signal: AbortSignal = never): Promise<StateItem | undefined> {
    checkKey(this.#name, key);
    try {
      const request = this.#read(key, options);
      const item = await this.#run('get', (attempt) => this.#store.get(request, attempt), signal);
      return item === undefined || this.#encryption === undefined ? item : this.#decrypted(item);
    } catch (error) {
      throw errors.stateGetFailed(this.#name, key, error);
    }
  }

  async save(items: readonly SaveItem[], signal: AbortSignal = never): Promise<void> {
    for (const item of items) this.#checkWritable(item.key);
    const [first] = items;
    if (first === undefined) return;
    let failures: unknown[];
    try {
      if (items.length === 1) {
        const request = this.#write(first);
        await this.#run('set', (attempt) => this.#store.set(request, attempt), signal);
        return;
      }
      const requests = items.map((item) => this.#write(item));
      failures = failuresOf(await this.#runMany('set', requests, this.#setAll, signal));
    } catch (error) {
      failures = [error];
    }
    if (failures.length > 0) throw errors.stateSaveFailed(this.#name, failures);
  }

  async delete(key: string, options: StateDeleteOptions = {}, signal: AbortSignal = never): Promise<void> {
    checkKey(this.#name, key);
    try {
      const request = this.#deletion({ ...options, key });
      await this.#run('delete', (attempt) => this.#store.delete(request, attempt), signal);
    } catch (error) {
      throw errors.stateDeleteFailed(key, error);
    }
  }

  async getBulk(
    keys: readonly string[],
    options: StateReadOptions & { readonly parallelism?: number } = {},
    signal: AbortSignal = never,
  ): Promise<BulkStateItem[]> {
    for (const key of keys) checkKey(this.#name, key);
    if (keys.length === 0) return [];
    let requests: StateGetRequest[];
    try {
      requests = keys.map((key) => this.#read(key, options));
    } catch (error) {
      throw errors.stateBulkGetFailed(error);
    }
    const outcomes = await this.#runMany(
      'bulk_get',
      requests,
      (pending, attempt) => this.#getAll(pending, options.parallelism, attempt),
      signal,
    );
    // whoever asked is gone
    signal.throwIfAborted();
    return keys.map((key, index) => this.#bulkItem(key, outcomes[index]));
  }

  async deleteBulk(
    items: readonly ({ readonly key: string } & StateDeleteOptions)[],
    signal: AbortSignal = never,
  ): Promise<void> {
    for (const item of items) this.#checkWritable(item.key);
    if (items.length === 0) return;
    let failures: unknown[];
    try {
      const requests = items.map((item) => this.#deletion(item));
      failures = failuresOf(await this.#runMany('bulk_delete', requests, this.#deleteAll, signal));
    } catch (error) {
      failures = [error];
    }
    if (failures.length > 0) throw errors.stateBulkDeleteFailed(this.#name, failures);
  }

  async transact(
    operations: readonly TransactionOperation[],
    metadata: RequestMetadata = {},
    signal: AbortSignal = never,
    trace: CallerTrace = {},
  ): Promise<void> {
    const store = this.#store;
    if (store.transact === undefined) throw errors.transactionsNotSupported(this.#name);
    if (operations.length === 0) return;
    for (const { operation, request } of operations) {
      if (operation !== 'upsert' && operation !== 'delete') throw errors.operationNotSupported(String(operation));
      this.#checkWritable(request.key);
    }
    const outbox = this.#outbox;
    if (outbox !== undefined) return this.#transactAndPublish(outbox, operations, metadata, signal, trace);
    this.#checkSize(operations.length);
    try {
      const requests = operations.map((operation) => this.#operation(operation));
      const call = (attempt: AbortSignal): Promise<void> =>
        store.transact?.(requests, metadata, attempt) ?? Promise.resolve();
      await this.#run('transaction', call, signal);
    } catch (error) {
      throw errors.transactionFailed(error);
    }
  }

  async #transactAndPublish(
    outbox: Outbox,
    operations: readonly TransactionOperation[],
    metadata: RequestMetadata,
    signal: AbortSignal,
    trace: CallerTrace,
  ): Promise<void> {
    const { stored, events } = planOutbox(operations);
    this.#checkSize(stored.length + events.length);
    try {
      const requests = stored.map((operation) => this.#operation(operation));
      const execute = (markers: readonly StateOperation[], onAttempt = (): void => {}): Promise<void> =>
        this.#run(
          'transaction',
          (attempt) => {
            onAttempt();
            return this.#store.transact?.([...requests, ...markers], metadata, attempt) ?? Promise.resolve();
          },
          signal,
        );
      await (events.length === 0 ? execute([]) : outbox.transact(events, trace, execute, signal));
    } catch (error) {
      throw error instanceof ApiError ? error : errors.transactionFailed(error);
    }
  }

  #checkSize(operations: number): void {
    const most = this.#store.maxTransactionSize ?? 0;
    if (most > 0 && operations > most) throw errors.tooManyOperations(this.#name, operations, most);
  }

  async query(query: unknown, metadata: RequestMetadata = {}, signal: AbortSignal = never): Promise<StateQueryResult> {
    const store = this.#store;
    if (store.query === undefined) throw errors.queryNotSupported(this.#name);
    if (this.#encryption) throw errors.queryFailed(this.#name, 'cannot query encrypted store');
    try {
      const own = { ...parseStateQuery(query), ...(this.#prefix !== '' && { keyPrefix: this.#prefix }) };
      const found = await this.#run(
        'query',
        (attempt) => store.query?.(own, metadata, attempt) ?? Promise.resolve({ items: [] }),
        signal,
      );
      const items = found.items.filter((item) => item.key.startsWith(this.#prefix));
      return { ...found, items: items.map((item) => ({ ...item, key: item.key.slice(this.#prefix.length) })) };
    } catch (error) {
      throw errors.queryFailed(this.#name, error);
    }
  }

  async keys(request: StateKeysRequest = {}, signal: AbortSignal = never): Promise<StateKeys> {
    try {
      const list = (attempt: AbortSignal) => listKeys(this.#name, this.#store, this.#prefix, request, attempt);
      return await this.#run('keys', list, signal);
    } catch (error) {
      throw error instanceof ApiError ? error : errors.stateKeysFailed(this.#name, error);
    }
  }

  /** `operation`: what the metrics call it. */
  #run<T>(operation: string, call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const policy = this.#policy();
    if (this.#meter !== undefined) {
      return this.#meter.measure(operation, () => (policy === undefined ? call(signal) : policy.execute(call, signal)));
    }
    return policy === undefined ? call(signal) : policy.execute(call, signal);
  }

  /** Counts as a success when some request was one, as each has its own outcome. */
  async #runMany<R, T>(
    operation: string,
    requests: readonly R[],
    run: (requests: readonly R[], signal: AbortSignal) => Promise<BulkOutcome<T>[]>,
    signal: AbortSignal,
  ): Promise<BulkOutcome<T>[]> {
    const start = performance.now();
    const outcomes = await runUnder(requests, run, this.#policy(), signal);
    const succeeded = outcomes.some(({ ok }) => ok);
    this.#meter?.record(operation, succeeded, performance.now() - start);
    return outcomes;
  }

  #checkWritable(key: string): void {
    if (key === '') throw errors.keyRequired();
    checkKey(this.#name, key);
  }

  #read(key: string, options: StateReadOptions | undefined): StateGetRequest {
    if (options === undefined) return { key: this.#prefix + key };
    const consistency = checkConsistency(options.consistency);
    return {
      key: this.#prefix + key,
      ...(consistency && { consistency }),
      ...(options.metadata && { metadata: options.metadata }),
    };
  }

  #write(item: SaveItem): StateSetRequest {
    const ttl = ttlInSeconds(item.metadata);
    return {
      ...checkedOptions(item),
      key: this.#prefix + item.key,
      value: this.#encryption === undefined ? item.value : this.#encryption.encrypt(item.value),
      ...(ttl !== undefined && { ttlInSeconds: ttl }),
      ...(item.contentType !== undefined && { contentType: item.contentType }),
    };
  }

  #deletion(item: { readonly key: string } & StateDeleteOptions): StateDeleteRequest {
    return { ...checkedOptions(item), key: this.#prefix + item.key };
  }

  #operation({ operation, request }: TransactionOperation): StateOperation {
    return operation === 'upsert'
      ? { operation: 'set', ...this.#write(request) }
      : { operation: 'delete', ...this.#deletion(request) };
  }

  readonly #setAll = (requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> =>
    this.#store.setMany?.(requests, signal) ?? runAll(requests, (request) => this.#store.set(request, signal));

  readonly #deleteAll = (requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> =>
    this.#store.deleteMany?.(requests, signal) ?? runAll(requests, (request) => this.#store.delete(request, signal));

  #getAll(requests: readonly StateGetRequest[], parallelism: number | undefined, signal: AbortSignal) {
    return (
      this.#store.getMany?.(requests, signal) ??
      runAll(requests, (request) => this.#store.get(request, signal), parallelism)
    );
  }

  #decrypted(item: StateItem): StateItem {
    return this.#encryption === undefined ? item : { ...item, value: this.#encryption.decrypt(item.value) };
  }

  #bulkItem(key: string, outcome: BulkOutcome<StateItem | undefined> | undefined): BulkStateItem {
    if (outcome === undefined) return { key };
    if (!outcome.ok) return { key, error: this.#hideSecrets(errors.stateMessage(outcome.error)) };
    if (outcome.value === undefined) return { key };
    try {
      return { key, item: this.#decrypted(outcome.value) };
    } catch (error) {
      return { key, error: errors.stateMessage(error) };
    }
  }
}
