import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { StateSubject } from './subject.ts';

export function keyListCases(subject: StateSubject): void {
  describe('listing keys', () => {
    subject.onlyWith('keysLike');
    const { signal } = subject;

    /** Writes an item under each name, with a prefix of their own, which is handed back. */
    const write = async (names: readonly string[]): Promise<string> => {
      const prefix = `${randomUUID()}||`;
      await Promise.all(names.map((name) => subject.set(prefix + name, name)));
      return prefix;
    };
    const page = (pattern: string, options: { readonly pageSize?: number; readonly continuationToken?: string } = {}) =>
      subject.method('keysLike')({ pattern, ...options }, signal);
    const list = async (prefix: string, pattern: string): Promise<string[]> => {
      const { keys, continuationToken } = await page(prefix + pattern);
      expect(continuationToken).toBeUndefined();
      return keys.map((key) => key.slice(prefix.length)).sort();
    };
    const numbered = (count: number) =>
      Array.from({ length: count }, (_, index) => `key${String(index).padStart(4, '0')}`);

    it('matches runs and single characters, in the whole key', async () => {
      const prefix = await write(['a', 'ab', 'abc', 'b', 'A', 'a😀c']);
      expect(await list(prefix, '%')).toEqual(['A', 'a', 'ab', 'abc', 'a😀c', 'b'].sort());
      expect(await list(prefix, 'a%')).toEqual(['a', 'ab', 'abc', 'a😀c'].sort());
      expect(await list(prefix, 'a_c')).toEqual(['abc', 'a😀c'].sort());
      expect(await list(prefix, '_')).toEqual(['A', 'a', 'b']);
      expect(await list(prefix, 'ab')).toEqual(['ab']);
      expect(await list(prefix, 'nothing%')).toEqual([]);
    });

    it('takes escaped wildcards, and the wildcards of other languages, as they are', async () => {
      const names = ['100%', '1000', 'a_b', 'axb', 'back\\slash', 'g*b', 'gxb', 'q?r', 'qxr', '[x]', 'x', '^', '{a}'];
      const prefix = await write(names);
      expect(await list(prefix, '100\\%')).toEqual(['100%']);
      expect(await list(prefix, 'a\\_b')).toEqual(['a_b']);
      expect(await list(prefix, 'back\\\\slash')).toEqual(['back\\slash']);
      for (const name of ['g*b', 'q?r', '[x]', '^', '{a}']) expect(await list(prefix, name)).toEqual([name]);
    });

    it('refuses an empty pattern', async () => {
      await expect(page('')).rejects.toMatchObject({ code: 'invalid-argument' });
    });

    it.each([1, 5, 6, 100])('pages through 11 keys by %d: each once, and no token after the last', async (pageSize) => {
      const names = numbered(11);
      const prefix = await write(names);
      const seen: string[] = [];
      let continuationToken: string | undefined;
      do {
        const result = await page(`${prefix}%`, {
          pageSize,
          ...(continuationToken === undefined ? {} : { continuationToken }),
        });
        expect(result.keys.length).toBeLessThanOrEqual(pageSize);
        expect(result.keys.length).toBeGreaterThan(0);
        seen.push(...result.keys);
        ({ continuationToken } = result);
      } while (continuationToken !== undefined);
      expect(seen.toSorted()).toEqual(names.map((name) => prefix + name));
    });

    it('gives all of 1025 keys when no page size is asked for', async () => {
      const names = numbered(1025);
      const prefix = await write(names);
      expect(await list(prefix, '%')).toEqual(names);
    });

    it('misses nothing that stays while other keys are deleted between pages', async () => {
      const names = numbered(60);
      const prefix = await write(names);
      const seen = new Set<string>();
      const deleted = new Set<string>();
      let continuationToken: string | undefined;
      do {
        const result = await page(`${prefix}%`, {
          pageSize: 7,
          ...(continuationToken === undefined ? {} : { continuationToken }),
        });
        for (const key of result.keys) seen.add(key);
        ({ continuationToken } = result);
        for (const key of [result.keys[0], prefix + names[59 - deleted.size]]) {
          if (key === undefined || deleted.size >= 20) continue;
          await subject.delete(key);
          deleted.add(key);
        }
      } while (continuationToken !== undefined);
      const stayed = names.map((name) => prefix + name).filter((key) => !deleted.has(key));
      expect(stayed.filter((key) => !seen.has(key))).toEqual([]);
    });
  });
}
