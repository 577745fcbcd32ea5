import { describe } from 'vitest';
import { bulkCases } from './state/bulk.ts';
import { etagCases } from './state/etags.ts';
import { keyListCases } from './state/key-lists.ts';
import { lifecycleCases } from './state/lifecycle.ts';
import { prefixCases } from './state/prefixes.ts';
import type { CreateStateStore, StateStoreQuirks } from './state/quirks.ts';
import { StateSubject } from './state/subject.ts';
import { transactionCases } from './state/transactions.ts';
import { ttlCases } from './state/ttl.ts';
import { valueCases } from './state/values.ts';

export type { CuttableRoute, KillableServer } from './faults.ts';
export type { CreateStateStore, StateQueryQuirks, StateStoreQuirks } from './state/quirks.ts';

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
