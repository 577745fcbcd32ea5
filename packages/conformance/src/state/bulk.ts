import type { StateDeleteRequest, StateSetRequest } from '@outrigger/core';
import { expect } from 'vitest';
import { never } from '../within.ts';
import { needing, type StateCase } from './case.ts';
import { etagMismatch, freshKey, freshKeys, type StateSubject, textOf } from './subject.ts';

const value = Buffer.from('new');
const done = { ok: true, value: undefined };
const mismatch = { ok: false, error: etagMismatch };
const impossible = { ok: false, error: { code: 'invalid-argument' } };

async function readTexts(subject: StateSubject, keys: readonly string[]): Promise<unknown[]> {
  const outcomes = await subject.method('getMany')(
    keys.map((key) => ({ key })),
    never,
  );
  return outcomes.map((outcome) => (outcome.ok ? textOf(outcome.value) : outcome.error));
}

/** Writes an item under each key and hands back their etags. */
async function prepare(subject: StateSubject, keys: readonly string[]): Promise<string[]> {
  await Promise.all(keys.map((key) => subject.set(key, 'old')));
  return Promise.all(keys.map((key) => subject.etag(key)));
}

const readingCases = needing(
  ['getMany'],
  [
    {
      title: 'answers in the order of the requests, also for what is missing or asked twice',
      async run(subject) {
        const [one, two, missing] = [freshKey(), freshKey(), freshKey()];
        await subject.set(one, 'one');
        await subject.set(two, 'two');
        expect(await readTexts(subject, [two, missing, one, two, missing])).toEqual([
          'two',
          undefined,
          'one',
          'two',
          undefined,
        ]);
      },
    },
    {
      title: 'answers for each what get would',
      async run(subject) {
        const keys = freshKeys(2);
        for (const key of keys) await subject.set(key, key);
        const outcomes = await subject.method('getMany')(
          keys.map((key) => ({ key })),
          never,
        );
        const alone = await Promise.all(keys.map((key) => subject.get(key)));
        expect(outcomes).toEqual(alone.map((item) => ({ ok: true, value: item })));
      },
    },
    {
      title: 'reads a thousand at once, and none',
      async run(subject) {
        const keys = freshKeys(1000);
        await Promise.all(keys.map((key) => subject.set(key, key)));
        expect(await readTexts(subject, keys)).toEqual(keys);
        expect(await readTexts(subject, [])).toEqual([]);
      },
    },
  ],
);

const writingCases = needing(
  ['setMany'],
  [
    {
      title: 'writes a thousand at once, or none, and answers for each in order',
      async run(subject) {
        const keys = freshKeys(1000);
        const outcomes = await subject.method('setMany')(
          keys.map((key) => ({ key, value: Buffer.from(key) })),
          never,
        );
        expect(outcomes).toEqual(keys.map(() => done));
        expect(await subject.texts(keys)).toEqual(keys);
        expect(await subject.method('setMany')([], never)).toEqual([]);
      },
    },
    {
      title: 'writes many items over each other, as often as it is asked',
      async run(subject) {
        const keys = freshKeys(20);
        for (const round of ['one', 'two', 'three']) {
          const requests = keys.map((key) => ({ key, value: Buffer.from(round) }));
          expect(await subject.method('setMany')(requests, never)).toEqual(keys.map(() => done));
          expect(await subject.texts(keys)).toEqual(keys.map(() => round));
        }
      },
    },
    {
      title: 'takes overlapping bulk writes in any order at the same time',
      async run(subject) {
        const keys = freshKeys(40);
        const writers = Array.from({ length: 8 }, (_, writer) => {
          const order = writer % 2 === 0 ? keys : keys.toReversed();
          const requests = order.map((key) => ({ key, value: Buffer.from(String(writer)) }));
          return subject.method('setMany', writer % 3 === 0 ? subject.store : subject.other)(requests, never);
        });
        for (const outcomes of await Promise.all(writers)) expect(outcomes).toEqual(keys.map(() => done));
      },
    },
    {
      title: 'writes those whose etag is right, answers for the others in their place, and gives new etags',
      needs: ['etag'],
      async run(subject) {
        const { foreignEtag, impossibleEtag } = subject.quirks;
        const keys = freshKeys(5);
        const [right = '', wrong = '', plain = '', first = '', unlike = ''] = keys;
        const made = freshKey();
        const [etag = '', , before = ''] = await prepare(subject, keys);
        const requests: StateSetRequest[] = [
          { key: wrong, value, etag: foreignEtag },
          { key: right, value, etag },
          { key: first, value, concurrency: 'first-write' },
          { key: made, value, concurrency: 'first-write' },
          { key: unlike, value, etag: impossibleEtag ?? foreignEtag },
          { key: plain, value },
        ];
        const outcomes = await subject.method('setMany')(requests, never);
        expect(outcomes).toMatchObject([
          mismatch,
          done,
          mismatch,
          done,
          impossibleEtag === undefined ? mismatch : impossible,
          done,
        ]);
        expect(await subject.texts([wrong, right, first, made, unlike, plain])).toEqual([
          'old',
          'new',
          'old',
          'new',
          'old',
          'new',
        ]);
        expect([await subject.etag(right), await subject.etag(plain)]).not.toEqual([etag, before]);
      },
    },
  ],
);

const deletingCases = needing(
  ['deleteMany'],
  [
    {
      title: 'deletes each of a thousand, also what is not there, and none',
      async run(subject) {
        const keys = freshKeys(1000);
        await Promise.all(keys.filter((_, index) => index % 2 === 0).map((key) => subject.set(key, 'x')));
        const outcomes = await subject.method('deleteMany')(
          keys.map((key) => ({ key })),
          never,
        );
        expect(outcomes).toEqual(keys.map(() => done));
        expect(await subject.texts(keys)).toEqual(keys.map(() => undefined));
        expect(await subject.method('deleteMany')([], never)).toEqual([]);
      },
    },
    {
      title: 'deletes those whose etag is right and answers for the others in their place',
      needs: ['etag'],
      async run(subject) {
        const { foreignEtag, impossibleEtag } = subject.quirks;
        const keys = freshKeys(4);
        const [right = '', wrong = '', plain = '', unlike = ''] = keys;
        const [etag = ''] = await prepare(subject, keys);
        const requests: StateDeleteRequest[] = [
          { key: wrong, etag: foreignEtag },
          { key: right, etag },
          { key: freshKey(), etag: foreignEtag },
          { key: plain },
          { key: unlike, etag: impossibleEtag ?? foreignEtag },
          { key: freshKey() },
        ];
        const outcomes = await subject.method('deleteMany')(requests, never);
        expect(outcomes).toMatchObject([
          mismatch,
          done,
          mismatch,
          done,
          impossibleEtag === undefined ? mismatch : impossible,
          done,
        ]);
        expect(await subject.texts([wrong, right, plain, unlike])).toEqual(['old', undefined, undefined, 'old']);
      },
    },
  ],
);

export const bulkCases: readonly StateCase[] = [...readingCases, ...writingCases, ...deletingCases];
