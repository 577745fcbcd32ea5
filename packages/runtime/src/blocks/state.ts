import { type Concurrency, type Consistency, type RequestMetadata, type StateItem, type StateQueryResult } from '@outrigger/core';

export interface StateReadOptions {
  readonly consistency?: Consistency;
  readonly metadata?: RequestMetadata;
}

export interface StateDeleteOptions extends StateReadOptions {
  readonly etag?: string;
  readonly concurrency?: Concurrency;
}

export interface SaveItem {
  readonly key: string;
  readonly value: Uint8Array;
  /** `undefined` and the empty text mean: none. */
  readonly etag?: string;
  readonly concurrency?: Concurrency;
  readonly consistency?: Consistency;
  readonly contentType?: string;
  readonly metadata?: RequestMetadata;
}

export interface BulkStateItem {
  /** Without the prefix. */
  readonly key: string;
  readonly item?: StateItem;
  readonly error?: string;
}

export type TransactionOperation =
  | { readonly operation: 'upsert'; readonly request: SaveItem }
  | { readonly operation: 'delete'; readonly request: { readonly key: string } & StateDeleteOptions };

/**
 * One state store as the app sees it: keys get and lose their prefix here, TTL is read from metadata, the outbound policy
 * applies, failures become ApiErrors. Every signal is optional.
 */
export interface StateHandle {
  get(key: string, options?: StateReadOptions, signal?: AbortSignal): Promise<StateItem | undefined>;
  /** `SaveState`: one item is a single write, several are a bulk write. */
  save(items: readonly SaveItem[], signal?: AbortSignal): Promise<void>;
  delete(key: string, options?: StateDeleteOptions, signal?: AbortSignal): Promise<void>;
  /** Never fails as a whole: each item carries its own error. `parallelism` <= 0: all at once. */
  getBulk(keys: readonly string[], options?: StateReadOptions & { readonly parallelism?: number }, signal?: AbortSignal): Promise<BulkStateItem[]>;
  deleteBulk(items: readonly ({ readonly key: string } & StateDeleteOptions)[], signal?: AbortSignal): Promise<void>;
  transact(operations: readonly TransactionOperation[], metadata?: RequestMetadata, signal?: AbortSignal): Promise<void>;
  query(query: unknown, metadata?: RequestMetadata, signal?: AbortSignal): Promise<StateQueryResult>;
}
