import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import {
  type BulkOutcome,
  ComponentError,
  errorMessage,
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

/** An item as it stands in the file. */
interface Stored {
  /** base64 */
  readonly value: string;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly expiresAt?: number;
}

/** What is to become of some keys; `null`: the item goes. One change is one line of the file. */
type Change = Map<string, Stored | null>;

/** Keeps items in memory, and every change as a line of a file; the file is written anew, without what is past, at each start. */
export class LogFileStore implements StateStore {
  readonly features = ['etag', 'ttl'] as const;
  readonly #path: string;
  readonly #items: Map<string, Stored>;
  #isTorn = false;
  #isClosed = false;

  /** Throws a ComponentError that names the field when the file is something else or cannot be written. */
  constructor(path: string) {
    this.#path = path;
    this.#items = readItems(path);
    this.#rewrite();
  }

  async get({ key }: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    this.#refuseEnded(signal);
    return itemOf(this.#live(key));
  }

  async set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    this.#commit(signal, (change) => this.#set(change, request));
  }

  async delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    this.#commit(signal, (change) => this.#delete(change, request));
  }

  async setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#commit(signal, (change) => requests.map((request) => outcomeOf(() => this.#set(change, request))));
  }

  async transact(operations: readonly StateOperation[], _: RequestMetadata, signal: AbortSignal): Promise<void> {
    this.#commit(signal, (change) => {
      for (const request of operations) {
        if (request.operation === 'set') this.#set(change, request);
        else this.#delete(change, request);
      }
    });
  }

  async keysLike(
    { pattern, pageSize = Infinity, continuationToken = '' }: KeysLikeRequest,
    signal: AbortSignal,
  ): Promise<{ keys: string[]; continuationToken?: string }> {
    this.#refuseEnded(signal);
    const matches = likeMatcher(pattern);
    const found = [...this.#items.keys()].filter((key) => key > continuationToken && matches(key) && this.#live(key));
    const keys = found.toSorted().slice(0, pageSize);
    return keys.length === found.length ? { keys } : { keys, continuationToken: keys.at(-1) ?? '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
  }

  /** All of a change or, when it throws, nothing of it. Readers see it only once it is in the file. */
  #commit<T>(signal: AbortSignal, make: (change: Change) => T): T {
    this.#refuseEnded(signal);
    const change: Change = new Map();
    const result = make(change);
    if (this.#isTorn) this.#rewrite();
    try {
      appendFileSync(this.#path, `${JSON.stringify([...change])}\n`);
    } catch (error) {
      this.#isTorn = true; // there may be half a line, which must not become the beginning of the next
      throw new ComponentError('unavailable', `cannot write ${this.#path}: ${errorMessage(error)}`, { cause: error });
    }
    apply(this.#items, change);
    return result;
  }

  #rewrite(): void {
    try {
      writeFileSync(`${this.#path}.new`, `${JSON.stringify([...this.#items])}\n`);
      renameSync(`${this.#path}.new`, this.#path);
      this.#isTorn = false;
    } catch (error) {
      throw new ComponentError('unavailable', `path: cannot write: ${errorMessage(error)}`, { cause: error });
    }
  }

  #set(change: Change, { key, value, etag, concurrency, ttlInSeconds = -1 }: StateSetRequest): void {
    if (etag !== undefined || concurrency === 'first-write') this.#compare(change, key, etag);
    const expiry = ttlInSeconds > 0 ? { expiresAt: Date.now() + ttlInSeconds * 1000 } : {};
    change.set(key, { value: Buffer.from(value).toString('base64'), etag: randomUUID(), ...expiry });
  }

  #delete(change: Change, { key, etag }: StateDeleteRequest): void {
    if (etag !== undefined) this.#compare(change, key, etag);
    change.set(key, null);
  }

  #compare(change: Change, key: string, etag: string | undefined): void {
    const current = change.has(key) ? change.get(key) : this.#live(key);
    if (current?.etag !== etag) throw new ComponentError('etag-mismatch', `someone else has changed the item ${key}`);
  }

  #live(key: string): Stored | undefined {
    const stored = this.#items.get(key);
    return (stored?.expiresAt ?? Infinity) > Date.now() ? stored : undefined;
  }

  #refuseEnded(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw new ComponentError('unavailable', 'the store is closed');
  }
}

function itemOf(stored: Stored | undefined): StateItem | undefined {
  if (stored === undefined) return undefined;
  const { value, etag, expiresAt } = stored;
  return { value: Buffer.from(value, 'base64'), etag, ...(expiresAt && { expiresAt: new Date(expiresAt) }) };
}

function outcomeOf(write: () => void): BulkOutcome<void> {
  try {
    return { ok: true, value: write() };
  } catch (error) {
    return { ok: false, error };
  }
}

function apply(items: Map<string, Stored>, change: Iterable<readonly [string, Stored | null]>): void {
  for (const [key, stored] of change) {
    if (stored === null) items.delete(key);
    else items.set(key, stored);
  }
}

function readItems(path: string): Map<string, Stored> {
  const items = new Map<string, Stored>();
  try {
    // what stands behind the last line feed is a change whose process died: nobody was told that it was made
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    for (const line of lines) apply(items, JSON.parse(line) as [string, Stored | null][]);
  } catch (error) {
    throw new ComponentError('invalid-argument', `path: ${path} is no file of this store: ${errorMessage(error)}`);
  }
  const now = Date.now();
  for (const [key, { expiresAt = Infinity }] of items) if (expiresAt <= now) items.delete(key);
  return items;
}
