import type { StateQuery } from './state-query.ts';

/** Given to a component with every call: names and texts from the caller's `metadata.*`; look up case-insensitively. */
export type RequestMetadata = Readonly<Record<string, string>>;

/** `first-write`: fails when the item has changed, or exists although no etag is given. `last-write` (default): always wins. */
export type Concurrency = 'first-write' | 'last-write';

/** `strong`: the store answers after all its copies have the write. `eventual` (default): as soon as it has accepted it. */
export type Consistency = 'strong' | 'eventual';

export interface StateGetRequest {
  readonly key: string;
  readonly consistency?: Consistency;
  readonly metadata?: RequestMetadata;
}

export interface StateItem {
  readonly value: Uint8Array;
  /** Opaque, never empty; changes with every write. There when the store has the feature `etag`. */
  readonly etag?: string;
  /** When the item will be gone; there when the store has the feature `ttl` and the item was written with one. */
  readonly expiresAt?: Date;
}

export interface StateSetRequest {
  readonly key: string;
  readonly value: Uint8Array;
  /**
   * The stored item must still have this etag, whatever `concurrency` says; else `etag-mismatch`. Where there is no item, most
   * stores refuse too; some make it. Never empty.
   */
  readonly etag?: string;
  readonly concurrency?: Concurrency;
  readonly consistency?: Consistency;
  /** Whole seconds above 0 until the item is gone; -1: never, also where the component has a default. Absent: that default. */
  readonly ttlInSeconds?: number;
  readonly contentType?: string;
  readonly metadata?: RequestMetadata;
}

export interface StateDeleteRequest {
  readonly key: string;
  /** The stored item must still have this etag; else, also when there is no such item, `etag-mismatch`. Never empty. */
  readonly etag?: string;
  readonly concurrency?: Concurrency;
  readonly consistency?: Consistency;
  readonly metadata?: RequestMetadata;
}

export type StateOperation =
  | ({ readonly operation: 'set' } & StateSetRequest)
  | ({ readonly operation: 'delete' } & StateDeleteRequest);

/** What became of one entry of a bulk call. */
export type BulkOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export interface StateQueryResult {
  readonly items: readonly ({ readonly key: string } & StateItem)[];
  /** Hand it in again for the next page; absent on the last. */
  readonly token?: string;
  readonly metadata?: RequestMetadata;
}

export interface KeysLikeRequest {
  /** SQL LIKE: `%` any run, `_` any one character, `\` escapes. */
  readonly pattern: string;
  /** At most this many keys; absent: all. */
  readonly pageSize?: number;
  readonly continuationToken?: string;
}

/** Promises about behaviour that no method can show. The conformance kit tests what is claimed. */
export type StateFeature = 'etag' | 'ttl';

/**
 * A state store. Keys come with their prefix and are opaque to the store; values are bytes and come back as they went in.
 * Every call may be aborted by its signal and then rejects; a write is answered only after the backend took it.
 * Errors are ComponentErrors; none is retried inside.
 */
export interface StateStore extends AsyncDisposable {
  readonly features: readonly StateFeature[];

  /** The item, or `undefined` when there is none or it has expired. */
  get(request: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined>;

  /** Writes one item. `etag-mismatch` as {@link Concurrency} says; `invalid-argument` for an etag this store cannot have given. */
  set(request: StateSetRequest, signal: AbortSignal): Promise<void>;

  /** Deletes one item; deleting what is not there succeeds unless an etag was given. */
  delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void>;

  /** As many outcomes as requests, in their order. Rejects only when no entry could be tried. Without it the engine calls `get`. */
  getMany?(requests: readonly StateGetRequest[], signal: AbortSignal): Promise<BulkOutcome<StateItem | undefined>[]>;

  /** Not atomic: each entry stands for itself. As many outcomes as requests, in their order. */
  setMany?(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]>;

  /** Not atomic: each entry stands for itself. As many outcomes as requests, in their order. */
  deleteMany?(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]>;

  /** All operations in their order, or none. Rejects with the error of the operation that failed. */
  transact?(operations: readonly StateOperation[], metadata: RequestMetadata, signal: AbortSignal): Promise<void>;

  /** `transact` takes only keys that the backend keeps in one place, as those with one hash tag in a cluster. Absent: any keys. */
  readonly transactsWithinOneShard?: boolean;

  /** The most operations `transact` takes; absent: no limit. */
  readonly maxTransactionSize?: number;

  /** Only over values that are JSON. `invalid-argument` for a token this store has not given. */
  query?(query: StateQuery, metadata: RequestMetadata, signal: AbortSignal): Promise<StateQueryResult>;

  keysLike?(
    request: KeysLikeRequest,
    signal: AbortSignal,
  ): Promise<{ readonly keys: readonly string[]; readonly continuationToken?: string }>;

  /** Deletes the direct children of `prefix` (`prefix||x`, not `prefix||x||y`); resolves to how many. */
  deleteWithPrefix?(prefix: string, signal: AbortSignal): Promise<number>;
}
