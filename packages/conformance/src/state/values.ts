import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { freshKey, type StateSubject } from './subject.ts';

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

const values: readonly (readonly [string, Uint8Array])[] = [
  ['a number', Buffer.from('123')],
  ['a boolean', Buffer.from('true')],
  ['a JSON text', Buffer.from('"hello world"')],
  ['a JSON object, its blanks and the order of its keys', Buffer.from('{"b": 1,\n "a":[1.0, 9007199254740993]}')],
  ['a text that is not JSON', Buffer.from('hello world')],
  ['text beyond the basic plane', Buffer.from('"Zażółć gęślą jaźń 漢字 😀"')],
  ['an empty JSON text', Buffer.from('""')],
  ['nothing at all', new Uint8Array()],
  ['one byte', new Uint8Array([1])],
  ['a zero byte', Buffer.from('a\0b')],
  ['every byte', everyByte],
  ['a protocol buffer', new Uint8Array([10, 5, 104, 101, 255, 128, 111, 16, 150, 1])],
  ['text that begins with a byte order mark', Buffer.from('\uFEFF{"a":1}')],
  ['a text that looks like base64', Buffer.from('aGVsbG8=')],
];

const keys: readonly string[] = [
  'plain',
  'with blanks and 漢字 😀',
  'app||actor||id||key',
  'glob *?[a-z]^{x}',
  'quotes \' " ` and \\ %_',
  'line\nbreak',
  '__proto__',
  'k'.repeat(500),
];

export function valueCases(subject: StateSubject): void {
  describe('values and keys', () => {
    it.each(values)('gives back %s as it went in', async (_, value) => {
      const key = freshKey();
      await subject.store.set({ key, value }, subject.signal);
      const item = await subject.get(key);
      expect(Buffer.from(item?.value ?? 'missing')).toEqual(Buffer.from(value));
    });

    it('gives back a large value', async () => {
      const key = freshKey();
      const value = randomBytes(subject.quirks.maxValueBytes);
      await subject.store.set({ key, value }, subject.signal);
      expect(value.equals((await subject.get(key))?.value ?? new Uint8Array())).toBe(true);
    });

    it.each(keys)('keeps apart what is under the key %j', async (name) => {
      const [key, longer] = [freshKey(name), freshKey(name)];
      await subject.set(key, 'one');
      await subject.set(longer, 'two');
      expect([await subject.text(key), await subject.text(longer)]).toEqual(['one', 'two']);
      await subject.delete(key);
      expect([await subject.text(key), await subject.text(longer)]).toEqual([undefined, 'two']);
    });

    it('tells upper from lower case in keys', async () => {
      const key = freshKey('case');
      await subject.set(key, 'lower');
      expect(await subject.text(key.toUpperCase())).toBeUndefined();
    });

    it('has nothing under a key that was never written', async () => {
      expect(await subject.get(freshKey())).toBeUndefined();
    });

    it('replaces what was there', async () => {
      const key = freshKey();
      await subject.set(key, 'first, and longer');
      await subject.set(key, 'second');
      expect(await subject.text(key)).toBe('second');
    });

    it('deletes, and deletes again what is gone, without complaint', async () => {
      const key = freshKey();
      await subject.set(key, 'x');
      await subject.delete(key);
      expect(await subject.get(key)).toBeUndefined();
      await subject.delete(key);
    });

    it('takes consistency, content type and metadata', async () => {
      const key = freshKey();
      const metadata = { partitionKey: 'app||type||id' };
      const contentType = 'application/json';
      for (const consistency of ['strong', 'eventual'] as const) {
        await subject.set(key, `"${consistency}"`, { consistency, contentType, metadata });
        const item = await subject.store.get({ key, consistency, metadata }, subject.signal);
        expect(Buffer.from(item?.value ?? []).toString()).toBe(`"${consistency}"`);
      }
      await subject.store.delete({ key, consistency: 'strong', metadata }, subject.signal);
      expect(await subject.get(key)).toBeUndefined();
    });

    it('keeps the bytes it was given, whatever the caller does with its buffer afterwards', async () => {
      const key = freshKey();
      const value = Buffer.from('before');
      await subject.store.set({ key, value }, subject.signal);
      value.write('AFTER!');
      expect(await subject.text(key)).toBe('before');
    });

    it('is one store, whichever instance asks', async () => {
      const key = freshKey();
      await subject.set(key, 'shared');
      expect(await subject.text(key, subject.other)).toBe('shared');
    });

    it('answers hundreds of callers at once, each with its own', async () => {
      const all = Array.from({ length: 300 }, () => freshKey());
      await Promise.all(all.map((key) => subject.set(key, key)));
      expect(await Promise.all(all.map((key) => subject.text(key)))).toEqual(all);
    });

    it('claims only what the contract knows', () => {
      const { features, maxTransactionSize } = subject.store;
      expect(['etag', 'ttl']).toEqual(expect.arrayContaining([...features]));
      expect(new Set(features).size).toBe(features.length);
      if (subject.store.transact === undefined) expect(maxTransactionSize).toBeUndefined();
      else expect(maxTransactionSize ?? 1).toBeGreaterThan(0);
    });

    it('shows etags only where it claims them, and expiry only where it claims that', async () => {
      const key = freshKey();
      await subject.set(key, 'x', subject.store.features.includes('ttl') ? {} : { ttlInSeconds: 60 });
      const item = await subject.get(key);
      expect(item?.etag === undefined).toBe(!subject.store.features.includes('etag'));
      expect(item?.expiresAt).toBeUndefined();
    });
  });
}
