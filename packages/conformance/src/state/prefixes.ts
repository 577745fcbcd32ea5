import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { never } from '../within.ts';
import { needing, type StateCase } from './case.ts';

export const prefixCases: readonly StateCase[] = needing(
  ['deleteWithPrefix'],
  [
    ...['', '||'].map((end): StateCase => ({
      title: `deletes the direct children only, with the prefix ending in "${end}"`,
      async run(subject) {
        const deleteWithPrefix = subject.method('deleteWithPrefix');
        const prefix = randomUUID();
        const keys = ['key1', 'key2', 'inner||key3'].map((name) => `${prefix}||${name}`);
        for (const key of [...keys, `${prefix}x||key`, prefix]) await subject.set(key, 'x');
        expect(await deleteWithPrefix(prefix + end, never)).toBe(2);
        const kept = [keys[2] ?? '', `${prefix}x||key`, prefix];
        expect(await subject.texts([...kept, ...keys.slice(0, 2)])).toEqual(['x', 'x', 'x', undefined, undefined]);
        expect(await deleteWithPrefix(prefix + end, never)).toBe(0);
      },
    })),
    {
      title: 'takes wildcards in the prefix as they are',
      async run(subject) {
        const id = randomUUID();
        const prefixes = ['a%', 'a_', 'a*', 'a?', 'a\\', 'a[b]', 'a.', "a'", 'axb'].map((name) => `${id}${name}`);
        for (const prefix of prefixes) await subject.set(`${prefix}||key`, 'x');
        const wild = prefixes.slice(0, -1);
        for (const [index, prefix] of wild.entries()) {
          expect(await subject.method('deleteWithPrefix')(prefix, never), prefix).toBe(1);
          expect(await subject.get(`${prefix}||key`)).toBeUndefined();
          const others = prefixes.slice(index + 1).map((other) => `${other}||key`);
          expect(await subject.texts(others), prefix).toEqual(others.map(() => 'x'));
        }
      },
    },
    {
      title: 'deletes a thousand and counts them',
      async run(subject) {
        const prefix = randomUUID();
        const keys = Array.from({ length: 1025 }, (_, index) => `${prefix}||${index}`);
        await Promise.all(keys.map((key) => subject.set(key, 'x')));
        expect(await subject.method('deleteWithPrefix')(prefix, never)).toBe(1025);
        expect((await subject.texts(keys)).filter((text) => text !== undefined)).toEqual([]);
      },
    },
    ...['', '||'].map((prefix): StateCase => ({
      title: `refuses the prefix "${prefix}", which would mean everything`,
      run: (subject) =>
        expect(subject.method('deleteWithPrefix')(prefix, never)).rejects.toMatchObject({ code: 'invalid-argument' }),
    })),
  ],
);
