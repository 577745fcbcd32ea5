import { expect } from 'vitest';
import { never } from '../within.ts';
import type { StateCase } from './case.ts';
import { freshKey, freshKeys } from './subject.ts';

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

const values: readonly (readonly [string, Uint8Array])[] = [
  ['a number', Buffer.from('123')],
  ['a boolean', Buffer.from('true')],
  ['null', Buffer.from('null')],
  ['a JSON text', Buffer.from('"hello world"')],
  ['a JSON object, its blanks and the order of its keys', Buffer.from('{"b": 1,\n "a":[1.0, 9007199254740993]}')],
  ['a JSON object with a key twice', Buffer.from('{"a":1,"a":2}')],
  ['a text that is not JSON', Buffer.from('hello world')],
  ['text beyond the basic plane', Buffer.from('"Zażółć gęślą jaźń 漢字 😀"')],
  ['an empty JSON text', Buffer.from('""')],
  ['nothing at all', new Uint8Array()],
  ['one byte', new Uint8Array([1])],
  ['a zero byte', Buffer.from('a\0b')],
  ['an escaped zero in JSON', Buffer.from(String.raw`{"a":"\u0000"}`)],
  ['every byte', everyByte],
  ['bytes that are no UTF-8', Buffer.from('ff00fec0afeda080f8', 'hex')],
  ['a protocol buffer', new Uint8Array([10, 5, 104, 101, 255, 128, 111, 16, 150, 1])],
  ['text that begins with a byte order mark', Buffer.from('\uFEFF{"a":1}')],
  ['a text that looks like base64', Buffer.from('aGVsbG8=')],
];

export const valueCases: readonly StateCase[] = [
  ...values.map(([name, value]): StateCase => ({
    title: `gives back ${name} as it went in, also to a reader of many`,
    async run({ store }) {
      const keys = freshKeys(2);
      const [alone = '', many = ''] = keys;
      await store.set({ key: alone, value }, never);
      if (store.setMany) await store.setMany([{ key: many, value }], never);
      else await store.set({ key: many, value }, never);
      const items = await Promise.all(keys.map((key) => store.get({ key }, never)));
      const outcomes =
        (await store.getMany?.(
          keys.map((key) => ({ key })),
          never,
        )) ?? [];
      for (const item of [...items, ...outcomes.map((outcome) => (outcome.ok ? outcome.value : undefined))]) {
        expect(Buffer.from(item?.value ?? 'missing').toString('hex')).toEqual(Buffer.from(value).toString('hex'));
      }
    },
  })),
  {
    title: 'takes a value with the content type JSON as the bytes that it is',
    async run({ store }) {
      for (const value of [everyByte, Buffer.from('{"b": 1, "a": "😀"}'), new Uint8Array()]) {
        const key = freshKey();
        await store.set({ key, value, contentType: 'application/json' }, never);
        expect(Buffer.from((await store.get({ key }, never))?.value ?? 'missing')).toEqual(Buffer.from(value));
      }
    },
  },
  {
    title: 'has nothing under a key that was never written',
    async run(subject) {
      expect(await subject.get(freshKey())).toBeUndefined();
    },
  },
  {
    title: 'replaces what was there',
    async run(subject) {
      const key = freshKey();
      await subject.set(key, 'first, and longer');
      await subject.set(key, 'second');
      expect(await subject.text(key)).toBe('second');
    },
  },
  {
    title: 'deletes, and deletes again what is gone, without complaint',
    async run(subject) {
      const key = freshKey();
      await subject.set(key, 'x');
      await subject.delete(key);
      expect(await subject.get(key)).toBeUndefined();
      await subject.delete(key);
      await subject.delete(freshKey());
    },
  },
  {
    title: 'takes consistency, content type and metadata',
    async run(subject) {
      const key = freshKey();
      const metadata = { partitionKey: 'app||type||id' };
      const contentType = 'application/json';
      for (const consistency of ['strong', 'eventual'] as const) {
        await subject.set(key, `"${consistency}"`, { consistency, contentType, metadata });
        const item = await subject.store.get({ key, consistency, metadata }, never);
        expect(Buffer.from(item?.value ?? []).toString()).toBe(`"${consistency}"`);
      }
      await subject.store.delete({ key, consistency: 'strong', metadata }, never);
      expect(await subject.get(key)).toBeUndefined();
    },
  },
  {
    title: 'keeps the bytes it was given, whatever the caller does with its buffer afterwards',
    async run(subject) {
      const key = freshKey();
      const value = Buffer.from('before');
      await subject.store.set({ key, value }, never);
      value.write('AFTER!');
      expect(await subject.text(key)).toBe('before');
    },
  },
  {
    title: 'is one store, whichever instance asks',
    async run(subject) {
      const key = freshKey();
      await subject.set(key, 'shared');
      expect(await subject.text(key, subject.other)).toBe('shared');
    },
  },
  {
    title: 'shows each writer its own write at once',
    async run(subject) {
      const key = freshKey();
      for (let round = 0; round < 50; round++) {
        await subject.set(key, String(round), {}, round % 2 === 0 ? subject.store : subject.other);
        expect(await subject.text(key, round % 3 === 0 ? subject.store : subject.other)).toBe(String(round));
      }
    },
  },
  {
    title: 'answers hundreds of callers at once, each with its own',
    async run(subject) {
      const all = freshKeys(300);
      await Promise.all(all.map((key) => subject.set(key, key)));
      expect(await subject.texts(all)).toEqual(all);
    },
  },
];
