import { expect } from 'vitest';
import { needing, type StateCase } from './case.ts';
import { deleting, etagMismatch, freshKey, freshKeys, setting, type StateSubject } from './subject.ts';

type Failing = readonly [what: string, operation: (key: string, subject: StateSubject) => ReturnType<typeof setting>];

const failing: readonly Failing[] = [
  ['a write', (key, { quirks }) => setting(key, 'bad', { etag: quirks.foreignEtag })],
  ['a deletion', (key, { quirks }) => deleting(key, { etag: quirks.foreignEtag })],
  ['a first write', (key) => setting(key, 'bad', { concurrency: 'first-write' })],
];

const plainCases: readonly StateCase[] = [
  {
    title: 'does several writes and deletions, also of what is not there',
    async run(subject) {
      const keys = subject.keysTogether(4);
      const [one = '', two = '', three = '', missing = ''] = keys;
      const metadata = { partitionKey: 'same' };
      await subject.transact([setting(one, 'one', { metadata }), setting(two, 'two', { metadata })]);
      expect(await subject.texts([one, two])).toEqual(['one', 'two']);
      await subject.transact([deleting(one), deleting(missing), setting(three, 'three')]);
      expect(await subject.texts(keys)).toEqual([undefined, 'two', 'three', undefined]);
    },
  },
  {
    title: 'keeps the order of the operations',
    async run(subject) {
      const keys = subject.keysTogether(3);
      const [one = '', two = '', three = ''] = keys;
      await subject.set(one, 'old');
      await subject.transact([deleting(one), setting(two, 'two'), deleting(two), setting(three, 'three')]);
      expect(await subject.texts(keys)).toEqual([undefined, undefined, 'three']);
    },
  },
  {
    title: 'writes and deletes the same key as often as it is asked, the last one counts',
    async run(subject) {
      const keys = subject.keysTogether(3);
      const [written = '', deleted = '', again = ''] = keys;
      await subject.set(again, 'old');
      await subject.transact([
        setting(written, 'first'),
        setting(written, 'second'),
        setting(deleted, 'first'),
        setting(written, 'last'),
        deleting(deleted),
        deleting(again),
        setting(again, 'new'),
      ]);
      expect(await subject.texts(keys)).toEqual(['last', undefined, 'new']);
    },
  },
  {
    title: 'does nothing for nothing',
    run: (subject) => subject.transact([]),
  },
  {
    title: 'carries bytes as they are',
    async run(subject) {
      const [key = ''] = subject.keysTogether(1);
      const value = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
      await subject.transact([{ operation: 'set', key, value }]);
      expect(Buffer.from((await subject.get(key))?.value ?? [])).toEqual(Buffer.from(value));
    },
  },
  {
    title: 'takes as many operations as it says, or five hundred',
    async run(subject) {
      const keys = subject.keysTogether(Math.min(500, subject.store.maxTransactionSize ?? 500));
      await subject.transact(keys.map((key) => setting(key, key)));
      expect(await subject.texts(keys)).toEqual(keys);
    },
  },
  {
    title: 'refuses more operations than it says it takes, and does none of them',
    unless: ({ store }) => store.maxTransactionSize === undefined && 'the store has no limit',
    async run(subject) {
      const keys = subject.keysTogether((subject.store.maxTransactionSize ?? 0) + 1);
      const operations = keys.map((key) => setting(key, 'x'));
      await expect(subject.transact(operations)).rejects.toMatchObject({ code: 'invalid-argument' });
      expect((await subject.texts(keys)).filter((text) => text !== undefined)).toEqual([]);
    },
  },
  {
    title: 'refuses keys of several places when it says that it needs one, and does nothing',
    unless: ({ store }) => !store.transactsWithinOneShard && 'the store takes any keys',
    async run(subject) {
      const keys = freshKeys(10);
      const operations = keys.map((key) => setting(key, 'x'));
      await expect(subject.transact(operations)).rejects.toMatchObject({ code: 'invalid-argument' });
      expect((await subject.texts(keys)).filter((text) => text !== undefined)).toEqual([]);
    },
  },
  {
    title: 'shows nobody the half of it',
    async run(subject) {
      const keys = subject.keysTogether(2);
      const [one = '', two = ''] = keys;
      await subject.transact(keys.map((key) => setting(key, '0')));
      let writing = true;
      const written = (async () => {
        for (let round = 1; round <= 50; round++) {
          await subject.transact(keys.map((key) => setting(key, String(round))));
        }
      })().finally(() => {
        writing = false;
      });
      // who reads the first key before the second may see a newer second one, and never an older one
      while (writing) {
        const before = Number(await subject.text(one, subject.other));
        expect(Number(await subject.text(two, subject.other))).toBeGreaterThanOrEqual(before);
        await new Promise((resolve) => setImmediate(resolve)); // a store that answers at once would leave the writer no turn
      }
      await written;
    },
  },
];

const etagCases: readonly StateCase[] = [
  {
    title: 'gives what it writes new etags',
    async run(subject) {
      const key = freshKey();
      await subject.set(key, 'one');
      const etag = await subject.etag(key);
      await subject.transact([setting(key, 'two', { etag })]);
      expect(await subject.etag(key)).not.toBe(etag);
    },
  },
  ...failing.map(([what, operation]): StateCase => ({
    title: `does all or nothing when ${what} in the middle must fail`,
    async run(subject) {
      const keys = subject.keysTogether(4);
      const [before = '', guarded = '', after = '', deleted = ''] = keys;
      for (const key of [before, guarded, deleted]) await subject.set(key, 'old');
      const etags = [await subject.etag(before), await subject.etag(guarded), await subject.etag(deleted)];
      const operations = [
        setting(before, 'new', { etag: etags[0] ?? '' }),
        deleting(deleted),
        operation(guarded, subject),
        setting(after, 'new'),
      ];
      await expect(subject.transact(operations)).rejects.toMatchObject(etagMismatch);
      expect(await subject.texts(keys)).toEqual(['old', 'old', undefined, 'old']);
      expect([await subject.etag(before), await subject.etag(guarded), await subject.etag(deleted)]).toEqual(etags);
    },
  })),
  {
    title: 'does nothing when an etag cannot be one of this store, and says so',
    unless: ({ quirks }) => quirks.impossibleEtag === undefined && 'any text may be an etag of this store',
    async run(subject) {
      const keys = subject.keysTogether(2);
      const [one = '', two = ''] = keys;
      const operations = [setting(one, 'x'), setting(two, 'x', { etag: subject.quirks.impossibleEtag ?? '' })];
      await expect(subject.transact(operations)).rejects.toMatchObject({ code: 'invalid-argument' });
      expect(await subject.texts(keys)).toEqual([undefined, undefined]);
    },
  },
  {
    title: 'checks each operation against what those before it did',
    async run(subject) {
      const [made = '', deleted = ''] = subject.keysTogether(2);
      await subject.set(deleted, 'old');
      const etag = await subject.etag(deleted);
      const first = { concurrency: 'first-write' } as const;
      await expect(subject.transact([setting(made, 'one', first), setting(made, 'two', first)])).rejects.toMatchObject(
        etagMismatch,
      );
      expect(await subject.get(made)).toBeUndefined();
      await subject.transact([deleting(deleted, { etag }), setting(deleted, 'again', first)]);
      expect(await subject.text(deleted)).toBe('again');
    },
  },
  {
    title: 'works after a transaction that failed',
    async run(subject) {
      const [key = '', guarded = ''] = subject.keysTogether(2);
      await subject.set(guarded, 'old');
      for (let round = 0; round < 20; round++) {
        const bad = setting(guarded, 'bad', { etag: subject.quirks.foreignEtag });
        await expect(subject.transact([setting(key, 'bad'), bad])).rejects.toMatchObject(etagMismatch);
      }
      await subject.transact([setting(key, 'good'), setting(guarded, 'good')]);
      expect(await subject.texts([key, guarded])).toEqual(['good', 'good']);
    },
  },
];

export const transactionCases: readonly StateCase[] = needing(
  ['transact'],
  [...plainCases, ...needing(['etag'], etagCases)],
);
