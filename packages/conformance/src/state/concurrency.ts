import type { StateStore } from '@outrigger/core';
import { expect } from 'vitest';
import { never } from '../within.ts';
import { needing, type StateCase } from './case.ts';
import { deleting, etagMismatch, etagOf, freshKey, freshKeys, onlyWinner, setting, textOf } from './subject.ts';

// So many competitions go on at a time, each over a key of its own, or a thousand of them would take long.
const atATime = 50;

/** Runs `round` so many times in all, `chain` by `chain`; those of one chain one after the other. */
async function rounds(count: number, chain: () => Promise<(round: number) => Promise<void>>): Promise<void> {
  const chains = Math.min(count, atATime);
  await Promise.all(
    Array.from({ length: chains }, async (_, index) => {
      const run = await chain();
      for (let round = index; round < count; round += chains) await run(round);
    }),
  );
}

export const concurrencyCases: readonly StateCase[] = needing(
  ['etag'],
  [
    {
      title: 'lets exactly one of two writers with the same etag win, every time',
      async run(subject) {
        await rounds(subject.quirks.competitions, async () => {
          const key = freshKey();
          await subject.set(key, 'start');
          let etag = await subject.etag(key);
          return async (round) => {
            const writers = [subject.store, subject.other].map((store, writer) =>
              subject.set(key, `${round}-${writer}`, { etag }, store),
            );
            const winner = onlyWinner(await Promise.allSettled(writers));
            const item = await subject.get(key);
            expect(textOf(item)).toBe(`${round}-${winner}`);
            etag = etagOf(item, key);
          };
        });
      },
    },
    {
      title: 'lets exactly one win of a writer and a deleter with the same etag',
      async run(subject) {
        await rounds(Math.ceil(subject.quirks.competitions / 5), async () => async (round) => {
          const key = freshKey();
          await subject.set(key, 'start');
          const etag = await subject.etag(key);
          const [one, other] = round % 2 === 0 ? [subject.store, subject.other] : [subject.other, subject.store];
          const results = await Promise.allSettled([
            subject.set(key, 'written', { etag }, one),
            subject.delete(key, { etag }, other),
          ]);
          // the etag of a deleted item makes a new one where the store has that quirk: then both may win, the deleter first
          if (subject.quirks.etagMakesItem && results.every(({ status }) => status === 'fulfilled')) {
            expect(await subject.text(key)).toBe('written');
            return;
          }
          expect(await subject.text(key)).toBe(onlyWinner(results) === 0 ? 'written' : undefined);
        });
      },
    },
    {
      title: 'lets exactly one of many first writers make the item',
      async run(subject) {
        await Promise.all(
          freshKeys(20).map(async (key) => {
            const writers = Array.from({ length: 20 }, (_, writer) => {
              const store = writer % 2 === 0 ? subject.store : subject.other;
              return subject.set(key, String(writer), { concurrency: 'first-write' }, store);
            });
            const winner = onlyWinner(await Promise.allSettled(writers));
            expect(await subject.text(key)).toBe(String(winner));
          }),
        );
      },
    },
    {
      title: 'loses no increment when many count with etags',
      async run(subject) {
        const key = freshKey();
        await subject.set(key, '0');
        const increment = async (store: StateStore): Promise<void> => {
          const item = await subject.get(key, store);
          try {
            await subject.set(key, String(Number(textOf(item)) + 1), { etag: etagOf(item, key) }, store);
          } catch (error) {
            expect(error).toMatchObject(etagMismatch);
            await increment(store);
          }
        };
        const counters = Array.from({ length: 10 }, (_, counter) =>
          increment(counter % 2 === 0 ? subject.store : subject.other),
        );
        await Promise.all(counters);
        expect(await subject.text(key)).toBe('10');
      },
    },
    {
      title: 'lets exactly one of two bulk writes with the same etags write each item',
      needs: ['setMany'],
      async run(subject) {
        const keys = freshKeys(30);
        await Promise.all(keys.map((key) => subject.set(key, 'start')));
        const etags = await Promise.all(keys.map((key) => subject.etag(key)));
        const answers = await Promise.all(
          [subject.store, subject.other].map((store, writer) => {
            const requests = keys.map((key, index) => ({
              key,
              value: Buffer.from(String(writer)),
              etag: etags[index] ?? '',
            }));
            return subject.method('setMany', store)(requests, never);
          }),
        );
        const winners = keys.map((_, index) => answers.map((outcomes) => outcomes[index]?.ok).indexOf(true));
        expect(answers[0]?.map(({ ok }) => !ok)).toEqual(answers[1]?.map(({ ok }) => ok));
        expect(await subject.texts(keys)).toEqual(winners.map(String));
      },
    },
    {
      title: 'lets exactly one of two transactions with the same etag win',
      needs: ['transact'],
      async run(subject) {
        await rounds(Math.ceil(subject.quirks.competitions / 4), async () => {
          const [guard = '', log = ''] = subject.keysTogether(2);
          await subject.set(guard, 'start');
          return async (round) => {
            const etag = await subject.etag(guard);
            const writers = [subject.store, subject.other].map((store, writer) =>
              subject.transact([setting(log, `${round}-${writer}`), setting(guard, 'x', { etag })], store),
            );
            const winner = onlyWinner(await Promise.allSettled(writers));
            expect(await subject.text(log)).toBe(`${round}-${winner}`);
          };
        });
      },
    },
    {
      title: 'takes transactions over the same keys in any order without a deadlock',
      needs: ['transact'],
      async run(subject) {
        const keys = subject.keysTogether(6);
        const writers = Array.from({ length: 30 }, (_, writer) => {
          const order = writer % 2 === 0 ? keys : keys.toReversed();
          const operations = [...order.map((key) => setting(key, String(writer))), deleting(freshKeyBeside(keys))];
          return subject.transact(operations, writer % 3 === 0 ? subject.store : subject.other);
        });
        await Promise.all(writers);
        expect(new Set(await subject.texts(keys)).size).toBe(1);
      },
    },
  ],
);

/** A key that one transaction takes with the others. */
function freshKeyBeside([key = '']: readonly string[]): string {
  return `${key}-beside`;
}
