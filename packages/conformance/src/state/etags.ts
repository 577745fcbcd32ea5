import { describe, expect, it } from 'vitest';
import { etagMismatch, freshKey, type StateSubject } from './subject.ts';

export function etagCases(subject: StateSubject): void {
  describe('etags', () => {
    subject.onlyWith('etag');
    const { quirks } = subject;

    it('gives every item an etag that changes with every write, also of the same value', async () => {
      const key = freshKey();
      const seen = new Set<string>();
      for (let write = 0; write < 5; write++) {
        await subject.set(key, 'same');
        seen.add(await subject.etag(key));
      }
      expect(seen.size).toBe(5);
      expect([...seen].every((etag) => etag !== '')).toBe(true);
    });

    it('keeps the etag while nothing is written', async () => {
      const key = freshKey();
      await subject.set(key, 'x');
      expect(await subject.etag(key)).toBe(await subject.etag(key));
    });

    it.each(['first-write', 'last-write'] as const)('compares the etag with %s', async (concurrency) => {
      const key = freshKey();
      await subject.set(key, 'one');
      const etag = await subject.etag(key);
      await subject.set(key, 'two', { etag, concurrency });
      await expect(subject.set(key, 'three', { etag, concurrency })).rejects.toMatchObject(etagMismatch);
      expect(await subject.text(key)).toBe('two');
    });

    it('refuses an etag that the item never had, or that belongs to no item', async () => {
      const key = freshKey();
      const etag = quirks.foreignEtag;
      await expect(subject.delete(key, { etag })).rejects.toMatchObject(etagMismatch);
      if (quirks.etagMakesItem) await subject.set(freshKey(), 'x', { etag });
      else await expect(subject.set(key, 'x', { etag })).rejects.toMatchObject(etagMismatch);
      await subject.set(key, 'one');
      await expect(subject.set(key, 'two', { etag })).rejects.toMatchObject(etagMismatch);
      await expect(subject.delete(key, { etag })).rejects.toMatchObject(etagMismatch);
      expect(await subject.text(key)).toBe('one');
    });

    it('says so when a text cannot be one of its etags', async ({ skip }) => {
      const etag = quirks.impossibleEtag;
      if (etag === undefined) return skip('any text may be an etag of this store');
      const key = freshKey();
      await subject.set(key, 'one');
      await expect(subject.set(key, 'two', { etag })).rejects.toMatchObject({ code: 'invalid-argument' });
      await expect(subject.delete(key, { etag })).rejects.toMatchObject({ code: 'invalid-argument' });
      expect(await subject.text(key)).toBe('one');
    });

    it('deletes with the right etag and not with a stale one', async () => {
      const key = freshKey();
      await subject.set(key, 'one');
      const stale = await subject.etag(key);
      await subject.set(key, 'two');
      await expect(subject.delete(key, { etag: stale })).rejects.toMatchObject(etagMismatch);
      expect(await subject.text(key)).toBe('two');
      await subject.delete(key, { etag: await subject.etag(key) });
      expect(await subject.get(key)).toBeUndefined();
    });

    it('does not take the etag of a deleted item for the one made in its place', async ({ skip }) => {
      skip(quirks.repeatsEtags, 'this store may give an etag again after a deletion');
      const key = freshKey();
      await subject.set(key, 'old');
      const etag = await subject.etag(key);
      await subject.delete(key);
      await subject.set(key, 'new');
      await expect(subject.set(key, 'stale', { etag })).rejects.toMatchObject(etagMismatch);
    });

    it('lets first-write without an etag make an item but not replace one, however it was written', async () => {
      const first = { concurrency: 'first-write', consistency: 'strong' } as const;
      const [made, written] = [freshKey(), freshKey()];
      await subject.set(made, 'one', first);
      await expect(subject.set(made, 'two', first)).rejects.toMatchObject(etagMismatch);
      await subject.set(written, 'one');
      await expect(subject.set(written, 'two', first)).rejects.toMatchObject(etagMismatch);
      expect([await subject.text(made), await subject.text(written)]).toEqual(['one', 'one']);
    });

    it('lets last-write replace what first-write made, and first-write make again what was deleted', async () => {
      const key = freshKey();
      await subject.set(key, 'one', { concurrency: 'first-write' });
      await subject.set(key, 'two');
      await subject.set(key, 'three', { concurrency: 'last-write' });
      expect(await subject.text(key)).toBe('three');
      await subject.delete(key);
      await subject.set(key, 'four', { concurrency: 'first-write' });
      expect(await subject.text(key)).toBe('four');
    });

    it('lets exactly one of two writers with the same etag win, every time', async () => {
      const key = freshKey();
      await subject.set(key, 'start');
      for (let round = 0; round < quirks.competitions; round++) {
        const etag = await subject.etag(key);
        const writers = [subject.store, subject.other].map((store, writer) =>
          subject.set(key, `${round}-${writer}`, { etag }, store),
        );
        const results = await Promise.allSettled(writers);
        const losers = results.filter((result) => result.status === 'rejected');
        expect(losers).toHaveLength(1);
        expect(losers[0]?.reason).toMatchObject(etagMismatch);
        expect(await subject.text(key)).toBe(`${round}-${results.findIndex(({ status }) => status === 'fulfilled')}`);
      }
    });

    it('lets exactly one of many first writers make the item', async () => {
      const key = freshKey();
      const writers = Array.from({ length: 20 }, (_, writer) =>
        subject.set(
          key,
          String(writer),
          { concurrency: 'first-write' },
          writer % 2 === 0 ? subject.store : subject.other,
        ),
      );
      const results = await Promise.allSettled(writers);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await subject.text(key)).toBe(String(results.findIndex(({ status }) => status === 'fulfilled')));
    });

    it('loses no increment when many count with etags', async () => {
      const key = freshKey();
      await subject.set(key, '0');
      const increment = async (): Promise<void> => {
        const item = await subject.get(key);
        const next = String(Number(Buffer.from(item?.value ?? [])) + 1);
        try {
          await subject.set(key, next, { etag: item?.etag ?? '' });
        } catch (error) {
          expect(error).toMatchObject(etagMismatch);
          await increment();
        }
      };
      await Promise.all(Array.from({ length: 10 }, increment));
      expect(await subject.text(key)).toBe('10');
    });
  });
}
