import { expect } from 'vitest';
import { never } from '../within.ts';
import type { StateCase } from './case.ts';
import { freshKey } from './subject.ts';

const names: readonly string[] = [
  'plain',
  'with blanks and 漢字 😀',
  ' blanks around ',
  'app||actor||id||key',
  'glob *?[a-z]^{x}',
  'quotes \' " ` and \\ %_',
  'path/../to//it%2F.?a=b&c#d;e:f@g+h~',
  "'; DROP TABLE state; --",
  'line\nbreak\r\n\ttab',
  '__proto__',
  'k'.repeat(500),
  '漢'.repeat(500),
];

/** Pairs of keys that something careless takes for one. */
const pairs: readonly (readonly [what: string, one: string, other: string])[] = [
  ['upper and lower case', 'Straße', 'straße'],
  ['composed and decomposed letters', 'caf\u00e9', 'cafe\u0301'],
  ['letters with accents and without', 'resume', 'résumé'],
  ['letters that fold together', 'stra\u00dfe', 'strasse'],
  ['letters of full and of common width', 'ａ', 'a'],
  ['emoji', '😀', '😁'],
  ['a blank at the end and none', 'key', 'key '],
  ['a slash at the end and none', 'key', 'key/'],
  ['a plain and a percent-encoded slash', 'a/b', 'a%2Fb'],
  ['a digit and a zero before it', '1', '01'],
  ['blanks of two kinds', 'a b', 'a\u00a0b'],
  ['what differs after 499 characters', `${'k'.repeat(499)}a`, `${'k'.repeat(499)}b`],
];

export const keyCases: readonly StateCase[] = [
  ...names.map((name): StateCase => ({
    title: `keeps apart what is under the key ${JSON.stringify(name.length > 100 ? `${name.slice(0, 1)}… (500 times)` : name)}`,
    async run(subject) {
      const [key, longer] = [freshKey(name), freshKey(name)];
      await subject.set(key, 'one');
      await subject.set(longer, 'two');
      expect(await subject.texts([key, longer])).toEqual(['one', 'two']);
      await subject.delete(key);
      expect(await subject.texts([key, longer])).toEqual([undefined, 'two']);
    },
  })),
  ...pairs.map(([what, one, other]): StateCase => ({
    title: `tells keys apart that differ in ${what}`,
    async run(subject) {
      const base = freshKey();
      const keys = [`${base}-${one}`, `${base}-${other}`];
      await subject.set(keys[0] ?? '', 'one');
      expect(await subject.texts(keys)).toEqual(['one', undefined]);
      await subject.set(keys[1] ?? '', 'two', subject.claims('etag') ? { concurrency: 'first-write' } : {});
      expect(await subject.texts(keys)).toEqual(['one', 'two']);
      const many = await subject.store.getMany?.(
        keys.map((key) => ({ key })),
        never,
      );
      const found = many?.map((outcome) => outcome.ok && Buffer.from(outcome.value?.value ?? []).toString());
      if (found) expect(found).toEqual(['one', 'two']);
      await subject.delete(keys[0] ?? '');
      expect(await subject.texts(keys)).toEqual([undefined, 'two']);
    },
  })),
  {
    title: 'keeps apart what differs after a zero character in the key, or refuses such a key',
    async run(subject) {
      const base = freshKey();
      const keys = [base, `${base}\0one`, `${base}\0two`];
      const written = await Promise.all(
        keys.map((key) =>
          subject.set(key, key).then(
            () => key,
            (error: unknown) => expect(error).toMatchObject({ code: 'invalid-argument' }),
          ),
        ),
      );
      for (const key of written) if (typeof key === 'string') expect(await subject.text(key)).toBe(key);
    },
  },
];
