import { describe, expect, it, vi } from 'vitest';
import { etagMismatch, freshKey, type StateSubject } from './subject.ts';

// Timers and clocks of backends are not ours to the millisecond.
const tolerance = 100;

export function ttlCases(subject: StateSubject): void {
  describe('items with a time to live', { concurrent: true }, () => {
    subject.onlyWith('ttl');
    const { ttlGranularityMs } = subject.quirks;

    /** Waits until the item is gone; fails when that takes longer than it may. */
    const gone = (key: string, seconds: number) =>
      vi.waitFor(async () => expect(await subject.get(key)).toBeUndefined(), {
        timeout: seconds * 1000 + ttlGranularityMs + 1000,
        interval: 20,
      });

    it('keeps an item for its time and not much longer, and says when it ends', async () => {
      const key = freshKey();
      const before = Date.now();
      await subject.set(key, 'x', { ttlInSeconds: 2 });
      const after = Date.now();
      const expiresAt = (await subject.get(key))?.expiresAt?.getTime() ?? 0;
      expect(expiresAt).toBeGreaterThanOrEqual(before + 2000 - tolerance);
      expect(expiresAt).toBeLessThanOrEqual(after + 2000 + ttlGranularityMs + tolerance);
      await gone(key, 2);
      expect(Date.now()).toBeGreaterThanOrEqual(before + 2000 - tolerance);
    });

    it('counts anew with every write', async () => {
      const key = freshKey();
      await subject.set(key, 'one', { ttlInSeconds: 1 });
      await subject.set(key, 'two', { ttlInSeconds: 60 });
      const expiresAt = (await subject.get(key))?.expiresAt?.getTime() ?? 0;
      expect(expiresAt).toBeGreaterThan(Date.now() + 50_000);
      await subject.set(key, 'three', { ttlInSeconds: 1 });
      await gone(key, 1);
    });

    it.each([{}, { ttlInSeconds: -1 }])('keeps for ever what is written again with %o', async (options) => {
      const [key, clock] = [freshKey(), freshKey()];
      await subject.set(key, 'one', { ttlInSeconds: 1 });
      await subject.set(key, 'two', options);
      await subject.set(clock, 'x', { ttlInSeconds: 1 });
      expect((await subject.get(key))?.expiresAt).toBeUndefined();
      await gone(clock, 1);
      expect(await subject.text(key)).toBe('two');
    });

    it('takes an expired item for one that is not there', async ({ skip }) => {
      skip(!subject.store.features.includes('etag'), 'the store does not claim etag');
      const key = freshKey();
      await subject.set(key, 'one', { ttlInSeconds: 1 });
      const etag = await subject.etag(key);
      await gone(key, 1);
      await expect(subject.delete(key, { etag })).rejects.toMatchObject(etagMismatch);
      if (!subject.quirks.etagMakesItem) {
        await expect(subject.set(key, 'two', { etag })).rejects.toMatchObject(etagMismatch);
      }
      await subject.set(key, 'three', { concurrency: 'first-write' });
      expect(await subject.text(key)).toBe('three');
    });

    it('gives a written etag its time too', async ({ skip }) => {
      skip(!subject.store.features.includes('etag'), 'the store does not claim etag');
      const key = freshKey();
      await subject.set(key, 'one');
      await subject.set(key, 'two', { etag: await subject.etag(key), ttlInSeconds: 1 });
      expect((await subject.get(key))?.expiresAt).toBeInstanceOf(Date);
      await gone(key, 1);
    });

    it('neither gives nor lists what has expired', async () => {
      const { store, signal } = subject;
      const [key, kept] = [freshKey('expired'), freshKey('kept')];
      await subject.set(kept, 'x');
      await subject.set(key, 'x', { ttlInSeconds: 1 });
      const live = await store.getMany?.([{ key }, { key: kept }], signal);
      expect(live?.map((outcome) => outcome.ok && outcome.value?.expiresAt instanceof Date) ?? [true, false]).toEqual([
        true,
        false,
      ]);
      await gone(key, 1);
      const many = await store.getMany?.([{ key }, { key: kept }], signal);
      expect(many?.map((outcome) => outcome.ok && outcome.value !== undefined) ?? [false, true]).toEqual([false, true]);
      expect((await store.keysLike?.({ pattern: key }, signal))?.keys ?? []).toEqual([]);
    });

    it('keeps time within a transaction', async ({ skip }) => {
      skip(subject.store.transact === undefined, 'the store does not claim transact');
      const [key, kept] = [freshKey(), freshKey()];
      const value = Buffer.from('x');
      const operations = [
        { operation: 'set', key, value, ttlInSeconds: 1 },
        { operation: 'set', key: kept, value },
      ] as const;
      await subject.method('transact')(operations, {}, subject.signal);
      expect((await subject.get(key))?.expiresAt).toBeInstanceOf(Date);
      expect((await subject.get(kept))?.expiresAt).toBeUndefined();
      await gone(key, 1);
      expect(await subject.text(kept)).toBe('x');
    });
  });
}
