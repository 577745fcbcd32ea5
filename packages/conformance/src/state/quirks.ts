import type { RequestMetadata, StateStore } from '@outrigger/core';
import type { CuttableRoute, KillableServer } from '../faults.ts';

/** A connected instance; the suite disposes it. Keys are unique per case, so the backend need never be emptied. */
export type CreateStateStore = () => Promise<StateStore>;

/** Where state stores rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface StateStoreQuirks {
  /** Instances do not see each other's items, as with a store inside one process. Default false. */
  readonly isolated?: boolean;
  /** How much later than its time, in milliseconds, an item may still be there, and its `expiresAt` be. Default 0. */
  readonly ttlGranularityMs?: number;
  /** Seconds after which an item is gone that is written without `ttlInSeconds`, as the instances are configured. Default: never. */
  readonly defaultTtlInSeconds?: number;
  /** A text that this store can never have given as an etag, and says so with `invalid-argument`. Default: there is none. */
  readonly impossibleEtag?: string;
  /** An etag of the form this store gives, which no item of these cases has. Default a UUID. */
  readonly foreignEtag?: string;
  /** An item that was deleted and made again may have an etag that the deleted one had. Default false. */
  readonly repeatsEtags?: boolean;
  /** A write with an etag, for a key that has no item, makes the item instead of being refused. Default false. */
  readonly etagMakesItem?: boolean;
  /** How often two writers compete with one etag. Default 1000; 100 at least, for a store that is slow to reach. */
  readonly competitions?: number;
  /** The largest value, in bytes, that the store takes. Default: there is no limit that a test could reach. */
  readonly maxValueBytes?: number;
  /** A size, in bytes, that is refused. Default one byte more than `maxValueBytes`; more where the limit counts other things too. */
  readonly refusedValueBytes?: number;
  /** How queries of this store differ. */
  readonly query?: StateQueryQuirks;
  /** What the instances sign in with: tokens, passwords. No error and no view of an instance may show them. */
  readonly credentials?: readonly string[];
  /** How long, in milliseconds, a call may take to fail while the server is gone. Default 15000. */
  readonly failsWithinMs?: number;
  /** How long, in milliseconds, an instance may take to work again once the server or the network is back. Default 30000. */
  readonly recoversWithinMs?: number;
  /** Without it the cases about a server that dies do not run. It has its data when it is back. */
  readonly server?: KillableServer<CreateStateStore>;
  /** Without it the cases about a network that is cut do not run. */
  readonly network?: CuttableRoute<StateStore>;
}

export interface StateQueryQuirks {
  /** Goes with every query, as the name of an index over the paths `title`, `language`, `author.name` (texts) and `author.born` (a number). */
  readonly metadata?: RequestMetadata;
  /** By how many keys a query can be sorted, where that is less than two. */
  readonly maxSortKeys?: number;
  /** Only texts and numbers can be compared; booleans and null are refused. Default false. */
  readonly onlyTextsAndNumbers?: boolean;
}
