import { bulkCases } from './bulk.ts';
import type { StateCase } from './case.ts';
import { claimCases } from './claims.ts';
import { concurrencyCases } from './concurrency.ts';
import { etagCases } from './etags.ts';
import { keyListCases } from './key-lists.ts';
import { keyCases } from './keys.ts';
import { lifecycleCases } from './lifecycle.ts';
import { networkFaultCases } from './network-faults.ts';
import { prefixCases } from './prefixes.ts';
import { queryCases } from './query.ts';
import { serverFaultCases } from './server-faults.ts';
import { sizeCases } from './sizes.ts';
import { transactionCases } from './transactions.ts';
import { ttlCases } from './ttl.ts';
import { valueCases } from './values.ts';

/** All cases by what they are about. */
export const themes: ReadonlyMap<string, readonly StateCase[]> = new Map([
  ['claims', claimCases],
  ['values', valueCases],
  ['keys', keyCases],
  ['large values', sizeCases],
  ['etags', etagCases],
  ['concurrency', concurrencyCases],
  ['bulk calls', bulkCases],
  ['transactions', transactionCases],
  ['listing keys', keyListCases],
  ['queries', queryCases],
  ['deleting by prefix', prefixCases],
  ['signals and closing', lifecycleCases],
  ['a server that dies', serverFaultCases],
  ['a network that is cut', networkFaultCases],
]);

/** These wait for the clock, so they run at the same time. */
export const concurrentThemes: ReadonlyMap<string, readonly StateCase[]> = new Map([
  ['items with a time to live', ttlCases],
]);
