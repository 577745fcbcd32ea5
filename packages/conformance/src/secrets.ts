import { afterAll, beforeAll, describe, it } from 'vitest';
import { SecretSubject } from './secrets/case.ts';
import type { CreateSecretStore, SecretStoreQuirks } from './secrets/quirks.ts';
import { themes } from './secrets/themes.ts';
import { outageTimeout } from './within.ts';

export type { CuttableRoute, KillableServer } from './faults.ts';
export type { CreateSecretStore, SecretStoreQuirks } from './secrets/quirks.ts';

/**
 * Registers the cases that every secret store has to pass; call it inside a test file. What the store claims and what the
 * quirks say decides which apply; the others are skipped with the reason.
 *
 * @example
 * secretStoreConformance(() => create({ secretsFile: 'test/secrets.json' }));
 */
export function secretStoreConformance(createSecretStore: CreateSecretStore, quirks: SecretStoreQuirks = {}): void {
  const timeout = outageTimeout(quirks);

  describe('secret store conformance', { timeout }, () => {
    let subject: SecretSubject;
    beforeAll(async () => {
      subject = await SecretSubject.open(createSecretStore, quirks);
    });
    afterAll(() => subject?.[Symbol.asyncDispose]());

    describe.for([...themes])('%s', ([, cases]) => {
      it.for(cases.map((one) => [one.title, one] as const))('%s', async ([, { unless, run }], { skip }) => {
        const reason = unless?.(subject);
        if (reason) skip(reason);
        await run(subject);
      });
    });
  });
}
