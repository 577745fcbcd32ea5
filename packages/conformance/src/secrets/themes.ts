import type { SecretCase } from './case.ts';
import { networkFaultCases, serverFaultCases } from './faults.ts';
import { lifecycleCases } from './lifecycle.ts';
import { readingCases } from './reading.ts';

/** All cases by what they are about. */
export const themes: ReadonlyMap<string, readonly SecretCase[]> = new Map([
  ['reading', readingCases],
  ['signals, closing and what is shown', lifecycleCases],
  ['a server that dies', serverFaultCases],
  ['a network that is cut', networkFaultCases],
]);
