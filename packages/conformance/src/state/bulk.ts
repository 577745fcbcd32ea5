import { describe, expect, it } from 'vitest';
import { etagMismatch, freshKey, type StateSubject } from './subject.ts';

const x = Buffer.from('x');

export function bulkCases(subject: StateSubject): void {
  const { signal } = subject;

  describe('reading many', () => {
    subject.onlyWith('getMany');

    it('answers in the order of the requests, also for what is missing or asked twice', async () => {
      const [one, two, missing] = [freshKey(), freshKey(), freshKey()];
      await subject.set(one, 'one');
      await subject.set(two, 'two');
      const outcomes = await subject.method('getMany')(
        [{ key: two }, { key: missing }, { key: one }, { key: two }],
        signal,
      );
      const texts = outcomes.map(
        (outcome) => outcome.ok && outcome.value && Buffer.from(outcome.value.value).toString(),
      );
      expect(texts).toEqual(['two', undefined, 'one', 'two']);
    });

    it('answers for each what get would', async () => {
      const keys = [freshKey(), freshKey()];
      for (const key of keys) await subject.set(key, key);
      const outcomes = await subject.method('getMany')(
        keys.map((key) => ({ key })),
        signal,
      );
      const alone = await Promise.all(keys.map((key) => subject.get(key)));
      expect(outcomes).toEqual(alone.map((value) => ({ ok: true, value })));
    });

    it('reads a thousand at once, and none', async () => {
      const keys = Array.from({ length: 1000 }, () => freshKey());
      await Promise.all(keys.map((key) => subject.set(key, key)));
      const outcomes = await subject.method('getMany')(
        keys.map((key) => ({ key })),
        signal,
      );
      expect(outcomes.map((outcome) => outcome.ok && Buffer.from(outcome.value?.value ?? []).toString())).toEqual(keys);
      expect(await subject.method('getMany')([], signal)).toEqual([]);
    });
  });

  describe('writing many', () => {
    subject.onlyWith('setMany');

    it('writes each, and answers for each in order', async () => {
      const keys = Array.from({ length: 50 }, () => freshKey());
      const outcomes = await subject.method('setMany')(
        keys.map((key) => ({ key, value: Buffer.from(key) })),
        signal,
      );
      expect(outcomes).toEqual(keys.map(() => ({ ok: true, value: undefined })));
      expect(await Promise.all(keys.map((key) => subject.text(key)))).toEqual(keys);
      expect(await subject.method('setMany')([], signal)).toEqual([]);
    });

    it('writes the others when one etag is wrong', async ({ skip }) => {
      skip(!subject.store.features.includes('etag'), 'the store does not claim etag');
      const keys = [freshKey(), freshKey(), freshKey()];
      for (const key of keys) await subject.set(key, 'old');
      const [good, bad] = [await subject.etag(keys[0] ?? ''), subject.quirks.foreignEtag];
      const requests = keys.map((key, index) => ({
        key,
        value: x,
        ...(index < 2 ? { etag: index === 0 ? good : bad } : {}),
      }));
      const outcomes = await subject.method('setMany')(requests, signal);
      expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
      expect(outcomes[1]).toMatchObject({ error: etagMismatch });
      expect(await Promise.all(keys.map((key) => subject.text(key)))).toEqual(['x', 'old', 'x']);
    });
  });

  describe('deleting many', () => {
    subject.onlyWith('deleteMany');

    it('deletes each, also what is not there', async () => {
      const keys = [freshKey(), freshKey(), freshKey()];
      await subject.set(keys[0] ?? '', 'x');
      await subject.set(keys[2] ?? '', 'x');
      const outcomes = await subject.method('deleteMany')(
        keys.map((key) => ({ key })),
        signal,
      );
      expect(outcomes).toEqual(keys.map(() => ({ ok: true, value: undefined })));
      expect(await Promise.all(keys.map((key) => subject.get(key)))).toEqual([undefined, undefined, undefined]);
    });

    it('deletes the others when one etag is wrong', async ({ skip }) => {
      skip(!subject.store.features.includes('etag'), 'the store does not claim etag');
      const keys = [freshKey(), freshKey()];
      for (const key of keys) await subject.set(key, 'old');
      const [good, bad] = [await subject.etag(keys[0] ?? ''), subject.quirks.foreignEtag];
      const requests = keys.map((key, index) => ({ key, etag: index === 0 ? good : bad }));
      const outcomes = await subject.method('deleteMany')(requests, signal);
      expect(outcomes).toMatchObject([{ ok: true }, { ok: false, error: etagMismatch }]);
      expect(await Promise.all(keys.map((key) => subject.text(key)))).toEqual([undefined, 'old']);
    });
  });
}
