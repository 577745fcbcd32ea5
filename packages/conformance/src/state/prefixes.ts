import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { StateSubject } from './subject.ts';

export function prefixCases(subject: StateSubject): void {
  describe('deleting by prefix', () => {
    subject.onlyWith('deleteWithPrefix');
    const deleteWithPrefix = (prefix: string) => subject.method('deleteWithPrefix')(prefix, subject.signal);

    it.each(['', '||'])('deletes the direct children only, with the prefix ending in %j', async (end) => {
      const prefix = randomUUID();
      const keys = ['key1', 'key2', 'inner||key3'].map((name) => `${prefix}||${name}`);
      for (const key of [...keys, `${prefix}x||key`, prefix]) await subject.set(key, 'x');
      expect(await deleteWithPrefix(prefix + end)).toBe(2);
      const kept = [keys[2] ?? '', `${prefix}x||key`, prefix];
      for (const key of kept) expect(await subject.text(key)).toBe('x');
      for (const key of keys.slice(0, 2)) expect(await subject.get(key)).toBeUndefined();
      expect(await deleteWithPrefix(prefix + end)).toBe(0);
    });

    it.each(['', '||'])('refuses the prefix %j, which would mean everything', async (prefix) => {
      await expect(deleteWithPrefix(prefix)).rejects.toMatchObject({ code: 'invalid-argument' });
    });
  });
}
