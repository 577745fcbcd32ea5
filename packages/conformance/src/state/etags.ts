import { expect } from 'vitest';
import { needing, type StateCase } from './case.ts';
import { etagMismatch, freshKey } from './subject.ts';

export const etagCases: readonly StateCase[] = needing(
  ['etag'],
  [
    {
      title: 'gives every item an etag that changes with every write, also of the same value',
      async run(subject) {
        const key = freshKey();
        const seen = new Set<string>();
        for (let write = 0; write < 5; write++) {
          await subject.set(key, 'same');
          seen.add(await subject.etag(key));
        }
        expect(seen.size).toBe(5);
        expect([...seen].every((etag) => etag !== '')).toBe(true);
      },
    },
    {
      title: 'keeps the etag while nothing is written, whichever instance asks',
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'x');
        const etag = await subject.etag(key);
        expect(await subject.etag(key)).toBe(etag);
        expect((await subject.get(key, subject.other))?.etag).toBe(etag);
      },
    },
    ...(['first-write', 'last-write'] as const).map((concurrency): StateCase => ({
      title: `compares the etag with ${concurrency}`,
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'one');
        const etag = await subject.etag(key);
        await subject.set(key, 'two', { etag, concurrency });
        await expect(subject.set(key, 'three', { etag, concurrency })).rejects.toMatchObject(etagMismatch);
        expect(await subject.text(key)).toBe('two');
        await expect(subject.delete(key, { etag, concurrency })).rejects.toMatchObject(etagMismatch);
        await subject.delete(key, { etag: await subject.etag(key), concurrency });
        expect(await subject.get(key)).toBeUndefined();
      },
    })),
    {
      title: 'refuses an etag that the item never had, or that belongs to no item',
      async run(subject) {
        const key = freshKey();
        const { foreignEtag: etag, etagMakesItem } = subject.quirks;
        await expect(subject.delete(key, { etag })).rejects.toMatchObject(etagMismatch);
        if (etagMakesItem) await subject.set(freshKey(), 'x', { etag });
        else await expect(subject.set(key, 'x', { etag })).rejects.toMatchObject(etagMismatch);
        await subject.set(key, 'one');
        await expect(subject.set(key, 'two', { etag })).rejects.toMatchObject(etagMismatch);
        await expect(subject.delete(key, { etag })).rejects.toMatchObject(etagMismatch);
        expect(await subject.text(key)).toBe('one');
      },
    },
    {
      title: 'does not take the etag of one item for that of another',
      async run(subject) {
        const [one, two] = [freshKey(), freshKey()];
        await subject.set(one, 'one');
        for (let write = 0; write < 3; write++) await subject.set(two, 'two');
        const etag = await subject.etag(one);
        await expect(subject.set(two, 'bad', { etag })).rejects.toMatchObject(etagMismatch);
        expect(await subject.text(two)).toBe('two');
      },
    },
    {
      title: 'says so when a text cannot be one of its etags',
      unless: ({ quirks }) => quirks.impossibleEtag === undefined && 'any text may be an etag of this store',
      async run(subject) {
        const etag = subject.quirks.impossibleEtag ?? '';
        const key = freshKey();
        await subject.set(key, 'one');
        await expect(subject.set(key, 'two', { etag })).rejects.toMatchObject({ code: 'invalid-argument' });
        await expect(subject.delete(key, { etag })).rejects.toMatchObject({ code: 'invalid-argument' });
        expect(await subject.text(key)).toBe('one');
      },
    },
    {
      title: 'deletes with the right etag and not with a stale one',
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'one');
        const stale = await subject.etag(key);
        await subject.set(key, 'two');
        await expect(subject.delete(key, { etag: stale })).rejects.toMatchObject(etagMismatch);
        expect(await subject.text(key)).toBe('two');
        await subject.delete(key, { etag: await subject.etag(key) });
        expect(await subject.get(key)).toBeUndefined();
      },
    },
    {
      title: 'does not take the etag of a deleted item for the one made in its place',
      unless: ({ quirks }) => quirks.repeatsEtags && 'this store may give an etag again after a deletion',
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'old');
        const etag = await subject.etag(key);
        await subject.delete(key);
        await subject.set(key, 'new');
        await expect(subject.set(key, 'stale', { etag })).rejects.toMatchObject(etagMismatch);
      },
    },
    {
      title: 'lets first-write without an etag make an item but not replace one, however it was written',
      async run(subject) {
        const first = { concurrency: 'first-write', consistency: 'strong' } as const;
        const [made, written] = [freshKey(), freshKey()];
        await subject.set(made, 'one', first);
        await expect(subject.set(made, 'two', first)).rejects.toMatchObject(etagMismatch);
        await subject.set(written, 'one');
        await expect(subject.set(written, 'two', first)).rejects.toMatchObject(etagMismatch);
        expect(await subject.texts([made, written])).toEqual(['one', 'one']);
      },
    },
    {
      title: 'lets last-write replace what first-write made, and first-write make again what was deleted',
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'one', { concurrency: 'first-write' });
        await subject.set(key, 'two');
        await subject.set(key, 'three', { concurrency: 'last-write' });
        expect(await subject.text(key)).toBe('three');
        await subject.delete(key);
        await subject.set(key, 'four', { concurrency: 'first-write' });
        expect(await subject.text(key)).toBe('four');
      },
    },
  ],
);
