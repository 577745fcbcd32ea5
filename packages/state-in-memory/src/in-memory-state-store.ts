import {
  type BulkOutcome,
  ComponentError,
  type KeysLikeRequest,
  likeMatcher,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import { ExpiryPurge } from './expiry-purge.ts';

/** Keeps state in this process's memory, and loses it with the process. */
export class InMemoryStateStore implements StateStore {
  readonly features = ['etag', 'ttl'] as const;
  readonly #items = new Map<string, StateItem>();
  readonly #purge = new ExpiryPurge(this.#items);
  #closed = false;

  get({ key }: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    if (signal.aborted || this.#closed) return this.#refuse(signal);
    return Promise.resolve(copyOf(this.#live(key)));
  }

  async set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    this.#write(request);
  }

  async delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    this.#remove(request);
  }

  async getMany(
    requests: readonly StateGetRequest[],
    signal: AbortSignal,
  ): Promise<BulkOutcome<StateItem | undefined>[]> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    return requests.map(({ key }) => ({ ok: true, value: copyOf(this.#live(key)) }));
  }

  async setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    return requests.map((request) => outcome(() => this.#write(request)));
  }

  async deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    return requests.map((request) => outcome(() => this.#remove(request)));
  }

  async transact(
    operations: readonly StateOperation[],
    _metadata: RequestMetadata,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    const before: { readonly key: string; readonly item: StateItem | undefined }[] = [];
    try {
      for (const operation of operations) {
        before.push({ key: operation.key, item: this.#items.get(operation.key) });
        if (operation.operation === 'set') this.#write(operation);
        else this.#remove(operation);
      }
    } catch (error) {
      for (const { key, item } of before.toReversed()) {
        if (item === undefined) this.#items.delete(key);
        else this.#items.set(key, item);
      }
      throw error;
    }
  }

  async keysLike(
    { pattern, pageSize, continuationToken }: KeysLikeRequest,
    signal: AbortSignal,
  ): Promise<{ keys: string[]; continuationToken?: string }> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    const matches = likeMatcher(pattern);
    const keys: string[] = [];
    for (const [key, item] of this.#items) {
      if ((continuationToken === undefined || key > continuationToken) && matches(key) && !isGone(item)) keys.push(key);
    }
    keys.sort();
    if (pageSize === undefined || keys.length <= pageSize) return { keys };
    const page = keys.slice(0, pageSize);
    return { keys: page, continuationToken: page.at(-1) ?? '' };
  }

  async deleteWithPrefix(prefix: string, signal: AbortSignal): Promise<number> {
    if (signal.aborted || this.#closed) await this.#refuse(signal);
    const start = prefix.endsWith('||') ? prefix : `${prefix}||`;
    if (start === '||') throw new ComponentError('invalid-argument', 'delete with prefix: a prefix is required');
    let count = 0;
    for (const [key, item] of this.#items) {
      if (!key.startsWith(start) || key.includes('||', start.length)) continue;
      if (!isGone(item)) count++;
      this.#items.delete(key);
    }
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#purge.stop();
    this.#items.clear();
  }

  #live(key: string): StateItem | undefined {
    const item = this.#items.get(key);
    return item === undefined || isGone(item) ? undefined : item;
  }

  #write({ key, value, etag, concurrency, ttlInSeconds = -1 }: StateSetRequest): void {
    if (etag !== undefined || concurrency === 'first-write') this.#compare(key, etag);
    // a copy, as the caller may go on to use its bytes for something else
    const item = { value: new Uint8Array(value), etag: crypto.randomUUID() };
    if (ttlInSeconds <= 0) {
      this.#items.set(key, item);
      return;
    }
    this.#items.set(key, { ...item, expiresAt: new Date(Date.now() + ttlInSeconds * 1000) });
    this.#purge.watch(key);
  }

  #remove({ key, etag }: StateDeleteRequest): void {
    if (etag !== undefined) this.#compare(key, etag);
    this.#items.delete(key);
  }

  #compare(key: string, etag: string | undefined): void {
    if (this.#live(key)?.etag === etag) return;
    const what = etag === undefined ? 'exists already' : 'is not the one that the etag belongs to';
    throw new ComponentError('etag-mismatch', `the item "${key}" ${what}`);
  }

  #refuse(signal: AbortSignal): Promise<never> {
    const closed = new ComponentError('unavailable', 'the state store is closed');
    return Promise.reject(signal.aborted ? (signal.reason as Error) : closed);
  }
}

/** Whoever reads may change what it was given: what is stored stays as it is. A Buffer, as small ones need no allocation. */
function copyOf(item: StateItem | undefined): StateItem | undefined {
  if (item === undefined) return undefined;
  const { value, expiresAt } = item;
  return { ...item, value: Buffer.from(value), ...(expiresAt && { expiresAt: new Date(expiresAt) }) };
}

function isGone({ expiresAt }: StateItem): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= Date.now();
}

function outcome(work: () => void): BulkOutcome<void> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
}
