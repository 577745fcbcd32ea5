import type { Concurrency, Consistency, RequestMetadata } from '@outrigger/core';

import { StateOptionError } from './state-errors.ts';

const longestTtl = 2 ** 31 - 1;

interface Options {
  readonly etag?: string | undefined;
  readonly concurrency?: Concurrency | undefined;
  readonly consistency?: Consistency | undefined;
  readonly metadata?: RequestMetadata | undefined;
}

interface CheckedOptions {
  etag?: string;
  concurrency?: Concurrency;
  consistency?: Consistency;
  metadata?: RequestMetadata;
}

/** Throws for a consistency outside the closed list; callers over the network may send any text. The empty text is none. */
export function checkConsistency(consistency: string | undefined): Consistency | undefined {
  if (!consistency) return undefined;
  if (consistency !== 'strong' && consistency !== 'eventual') {
    throw new StateOptionError(`unrecognized consistency model '${consistency}'`);
  }
  return consistency;
}

function checkConcurrency(concurrency: string | undefined): Concurrency | undefined {
  if (!concurrency) return undefined;
  if (concurrency !== 'first-write' && concurrency !== 'last-write') {
    throw new StateOptionError(`unrecognized concurrency model '${concurrency}'`);
  }
  return concurrency;
}

/** The options of a write as components take them: checked, and without those that are empty. */
export function checkedOptions(options: Options): CheckedOptions {
  const checked: CheckedOptions = {};
  const consistency = checkConsistency(options.consistency);
  const concurrency = checkConcurrency(options.concurrency);
  if (consistency !== undefined) checked.consistency = consistency;
  if (concurrency !== undefined) checked.concurrency = concurrency;
  if (options.etag) checked.etag = options.etag;
  if (options.metadata !== undefined) checked.metadata = options.metadata;
  return checked;
}

/** `ttlInSeconds` of the metadata, under any case: whole seconds above 0, or -1 for ever. `undefined` when there is none. */
export function ttlInSeconds(metadata: RequestMetadata | undefined): number | undefined {
  if (metadata === undefined) return undefined;
  for (const name in metadata) {
    if (name.length !== 12 || name.toLowerCase() !== 'ttlinseconds') continue;
    const text = metadata[name] ?? '';
    if (text === '') return undefined;
    const seconds = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(seconds))
      throw new Error(`incorrect value for metadata 'ttlInSeconds': '${text}' is not an integer`);
    if ((seconds < 1 && seconds !== -1) || seconds > longestTtl) {
      throw new Error(`incorrect value for metadata 'ttlInSeconds': must be -1 or from 1 to ${longestTtl}`);
    }
    return seconds;
  }
  return undefined;
}
