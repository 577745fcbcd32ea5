import type { StateOperation } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { etagMismatch, freshKey, type StateSubject } from './subject.ts';

const set = (key: string, text: string, options: object = {}): StateOperation => ({
  operation: 'set',
  key,
  value: Buffer.from(text),
  ...options,
});
const remove = (key: string, options: object = {}): StateOperation => ({ operation: 'delete', key, ...options });

export function transactionCases(subject: StateSubject): void {
  describe('transactions', () => {
    subject.onlyWith('transact');
    const transact = (operations: readonly StateOperation[], metadata = {}) =>
      subject.method('transact')(operations, metadata, subject.signal);
    const texts = (keys: readonly string[]) => Promise.all(keys.map((key) => subject.text(key)));

    it('does several writes and deletions, also of what is not there', async () => {
      const [one, two, three, missing] = [freshKey(), freshKey(), freshKey(), freshKey()];
      const metadata = { partitionKey: 'same' };
      await transact([set(one, 'one', { metadata }), set(two, 'two', { metadata })], metadata);
      expect(await texts([one, two])).toEqual(['one', 'two']);
      await transact([remove(one), remove(missing), set(three, 'three')], metadata);
      expect(await texts([one, two, three, missing])).toEqual([undefined, 'two', 'three', undefined]);
    });

    it('keeps the order of the operations', async () => {
      const [one, two, three] = [freshKey(), freshKey(), freshKey()];
      await subject.set(one, 'old');
      await transact([remove(one), set(two, 'two'), remove(two), set(three, 'first'), set(three, 'last')]);
      expect(await texts([one, two, three])).toEqual([undefined, undefined, 'last']);
    });

    it('does nothing for nothing', async () => {
      await transact([]);
    });

    it('carries bytes as they are', async () => {
      const key = freshKey();
      const value = Uint8Array.from({ length: 256 }, (_, index) => index);
      await transact([{ operation: 'set', key, value }]);
      expect(Buffer.from((await subject.get(key))?.value ?? [])).toEqual(Buffer.from(value));
    });

    it('takes a hundred operations', async () => {
      const count = Math.min(100, subject.store.maxTransactionSize ?? 100);
      const keys = Array.from({ length: count }, () => freshKey());
      await transact(keys.map((key) => set(key, key)));
      expect(await texts(keys)).toEqual(keys);
    });

    describe('with etags', () => {
      subject.onlyWith('etag');

      it('gives what it writes new etags', async () => {
        const key = freshKey();
        await subject.set(key, 'one');
        const etag = await subject.etag(key);
        await transact([set(key, 'two', { etag })]);
        expect(await subject.etag(key)).not.toBe(etag);
      });

      it.each([
        ['a write', (key: string, etag: string) => set(key, 'bad', { etag })],
        ['a deletion', (key: string, etag: string) => remove(key, { etag })],
        ['a first write', (key: string) => set(key, 'bad', { concurrency: 'first-write' })],
      ])('does all or nothing when %s in the middle must fail', async (_, failing) => {
        const [before, guarded, after, deleted] = [freshKey(), freshKey(), freshKey(), freshKey()];
        await subject.set(before, 'old');
        await subject.set(guarded, 'old');
        await subject.set(deleted, 'old');
        const etags = [await subject.etag(before), await subject.etag(guarded)];
        await expect(
          transact([
            set(before, 'new'),
            remove(deleted),
            failing(guarded, subject.quirks.foreignEtag),
            set(after, 'new'),
          ]),
        ).rejects.toMatchObject(etagMismatch);
        expect(await texts([before, guarded, after, deleted])).toEqual(['old', 'old', undefined, 'old']);
        expect([await subject.etag(before), await subject.etag(guarded)]).toEqual(etags);
      });

      it('checks each operation against what those before it did', async () => {
        const [made, deleted] = [freshKey(), freshKey()];
        await subject.set(deleted, 'old');
        const etag = await subject.etag(deleted);
        const first = { concurrency: 'first-write' };
        await expect(transact([set(made, 'one', first), set(made, 'two', first)])).rejects.toMatchObject(etagMismatch);
        expect(await subject.get(made)).toBeUndefined();
        await transact([remove(deleted, { etag }), set(deleted, 'again', first)]);
        expect(await subject.text(deleted)).toBe('again');
      });

      it('lets exactly one of two transactions with the same etag win', async () => {
        const [guard, log] = [freshKey(), freshKey()];
        await subject.set(guard, 'start');
        for (let round = 0; round < Math.ceil(subject.quirks.competitions / 4); round++) {
          const etag = await subject.etag(guard);
          const writers = [subject.store, subject.other].map((store, writer) =>
            subject.method('transact', store)(
              [set(log, `${round}-${writer}`), set(guard, 'x', { etag })],
              {},
              subject.signal,
            ),
          );
          const results = await Promise.allSettled(writers);
          expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
          expect(await subject.text(log)).toBe(`${round}-${results.findIndex(({ status }) => status === 'fulfilled')}`);
        }
      });
    });
  });
}
