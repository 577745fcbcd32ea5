import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Broker } from './broker.ts';
import { short } from './fault.ts';
import { faultsOf, Session } from './session.ts';
import { header, line } from './table.ts';

/** A test of each fault, in its short form, one after another, on a server of their own. */
export function ledgerSuite(broker: Broker): void {
  describe(`the ledger of ${broker.name} shows nothing lost when`, () => {
    let session: Session;

    beforeAll(async () => {
      session = await Session.open(broker);
    }, 240_000);
    afterAll(() => session[Symbol.asyncDispose](), 60_000);

    it.each(faultsOf(broker).map((fault) => [fault.what, fault] as const))(
      '%s',
      async (_, fault) => {
        const row = await session.run(fault, short, new AbortController().signal);
        const { lost, deadLetteredWithoutCause, outOfOrder, error } = row;
        const wrong = { lost, deadLetteredWithoutCause, outOfOrder, error };
        const nothing = { lost: [], deadLetteredWithoutCause: [], outOfOrder: [], error: undefined };
        try {
          expect(wrong, `${header()}\n${line(row)}\nrecord and logs: ${row.folder}`).toEqual(nothing);
        } catch (failed) {
          session.keep();
          throw failed;
        }
      },
      180_000,
    );
  });
}
