import type { StateStore } from '@outrigger/core';
import { describe } from 'vitest';
import { bulkCases } from './state/bulk.ts';
import { etagCases } from './state/etags.ts';
import { keyListCases } from './state/key-lists.ts';
import { lifecycleCases } from './state/lifecycle.ts';
import { prefixCases } from './state/prefixes.ts';
import { StateSubject } from './state/subject.ts';
import { transactionCases } from './state/transactions.ts';
import { ttlCases } from './state/ttl.ts';
import { valueCases } from './state/values.ts';

/** Where state stores rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface StateStoreQuirks {
  /** Instances do not see each other's items, as with a store inside one process. Default false. */
  readonly isolated?: boolean;
  /** How much later than its time, in milliseconds, an item may still be there, and its `expiresAt` be. Default 0. */
  readonly ttlGranularityMs?: number;
  /** A text that this store can never have given as an etag, and says so with `invalid-argument`. Default: there is none. */
  readonly impossibleEtag?: string;
  /** An etag of the form this store gives, which no item of these cases has. Default a UUID. */
  readonly foreignEtag?: string;
  /** An item that was deleted and made again may have an etag that the deleted one had. Default false. */
  readonly repeatsEtags?: boolean;
  /** A write with an etag, for a key that has no item, makes the item instead of being refused. Default false. */
  readonly etagMakesItem?: boolean;
  /** How often two writers compete with one etag. Default 200. */
  readonly competitions?: number;
  /** The largest value, in bytes, that has to survive. Default 1 MiB. */
  readonly maxValueBytes?: number;
}

/** A connected instance; the suite disposes it. Keys are unique per case, so the backend need never be emptied. */
export type CreateStateStore = () => Promise<StateStore>;

/**
 * Registers the cases that every state store has to pass; call it inside a test file. What the store claims (its features, its
 * optional methods) decides which run.
 *
 * @example
 * stateStoreConformance(() => create({ connectionString: ':memory:' }), { ttlGranularityMs: 1000 });
 */
export function stateStoreConformance(createStore: CreateStateStore, quirks: StateStoreQuirks = {}): void {
  describe('state store conformance', () => {
    const subject = new StateSubject(createStore, quirks);
    valueCases(subject);
    etagCases(subject);
    ttlCases(subject);
    bulkCases(subject);
    transactionCases(subject);
    keyListCases(subject);
    prefixCases(subject);
    lifecycleCases(subject);
  });
}
