import type { StateFeature, StateStore } from '@outrigger/core';
import type { StateSubject } from './subject.ts';

/** An optional method of a store. */
export type OptionalMethod = Exclude<
  { [M in keyof StateStore]-?: undefined extends StateStore[M] ? M : never }[keyof StateStore],
  'transactsWithinOneShard' | 'maxTransactionSize'
>;

export type Claim = StateFeature | OptionalMethod;

/** One thing that a user would notice. Rejects where the store breaks it. */
export interface StateCase {
  readonly title: string;
  /** What a store must claim for the case to say anything about it. */
  readonly needs?: readonly Claim[];
  /** Why it says nothing about a store with these quirks; false or undefined: it does. */
  readonly unless?: (subject: StateSubject) => string | false | undefined;
  readonly run: (subject: StateSubject) => Promise<void>;
}

/** Why the case says nothing about this store; `undefined`: it does. */
export function skipReason({ needs = [], unless }: StateCase, subject: StateSubject): string | undefined {
  const missing = needs.filter((claim) => !subject.claims(claim));
  if (missing.length > 0) return `the store does not claim ${missing.join(', ')}`;
  return unless?.(subject) || undefined;
}

/** The cases, each with these claims besides its own. */
export function needing(needs: readonly Claim[], cases: readonly StateCase[]): StateCase[] {
  return cases.map((one) => ({ ...one, needs: [...needs, ...(one.needs ?? [])] }));
}
