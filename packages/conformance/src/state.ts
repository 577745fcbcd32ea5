import { afterAll, beforeAll, describe, it } from 'vitest';
import { skipReason } from './state/case.ts';
import type { CreateStateStore, StateStoreQuirks } from './state/quirks.ts';
import { StateSubject } from './state/subject.ts';
import { concurrentThemes, themes } from './state/themes.ts';
import { outageTimeout } from './within.ts';

export type { CuttableRoute, KillableServer } from './faults.ts';
export type { CreateStateStore, StateQueryQuirks, StateStoreQuirks } from './state/quirks.ts';

/**
 * Registers the cases that every state store has to pass; call it inside a test file. What the store claims (its features, its
 * optional methods) and what the quirks say decides which apply; the others are skipped with the reason.
 *
 * @example
 * stateStoreConformance(() => create({ connectionString: ':memory:' }), { ttlGranularityMs: 1000 });
 */
export function stateStoreConformance(createStore: CreateStateStore, quirks: StateStoreQuirks = {}): void {
  const timeout = outageTimeout(quirks);

  describe('state store conformance', { timeout }, () => {
    let subject: StateSubject;
    beforeAll(async () => {
      subject = await StateSubject.open(createStore, quirks);
    });
    afterAll(() => subject?.[Symbol.asyncDispose]());

    for (const [concurrent, ofThem] of [[true, concurrentThemes] as const, [false, themes] as const]) {
      describe.for([...ofThem])('%s', { concurrent }, ([, cases]) => {
        it.for(cases.map((one) => [one.title, one] as const))('%s', async ([, one], { skip }) => {
          const reason = skipReason(one, subject);
          if (reason !== undefined) skip(reason);
          await one.run(subject);
        });
      });
    }
  });
}
