import { randomBytes } from 'node:crypto';
import { ComponentError } from '@outrigger/core';
import { expect } from 'vitest';
import { never } from '../within.ts';
import type { StateCase } from './case.ts';
import { freshKey, freshKeys, type StateSubject } from './subject.ts';

const mebibyte = 1024 * 1024;

async function survives(subject: StateSubject, size: number): Promise<void> {
  const key = freshKey();
  const value = randomBytes(size);
  await subject.store.set({ key, value }, never);
  const item = await subject.get(key, subject.other);
  expect(value.equals(item?.value ?? new Uint8Array()), `${size} bytes came back as ${item?.value.length}`).toBe(true);
}

const refusal = { code: 'invalid-argument', message: expect.stringMatching(/\d/) as string };

function tooLarge({ quirks: { maxValueBytes = 0, refusedValueBytes = maxValueBytes + 1 } }: StateSubject): Uint8Array {
  return randomBytes(refusedValueBytes);
}

const noLimit = ({ quirks }: StateSubject) =>
  quirks.maxValueBytes === undefined && quirks.refusedValueBytes === undefined && 'the store has no limit to test';

export const sizeCases: readonly StateCase[] = [
  {
    title: 'gives back a large value of any bytes',
    run: (subject) => survives(subject, Math.min(mebibyte, subject.quirks.maxValueBytes ?? mebibyte)),
  },
  {
    title: 'gives back large values to readers and writers of many',
    async run(subject) {
      const size = Math.min(mebibyte / 4, subject.quirks.maxValueBytes ?? mebibyte);
      const requests = freshKeys(8).map((key) => ({ key, value: randomBytes(size) }));
      if (subject.store.setMany) await subject.store.setMany(requests, never);
      else await Promise.all(requests.map((request) => subject.store.set(request, never)));
      const outcomes = await subject.store.getMany?.(requests, never);
      for (const [index, { key, value }] of requests.entries()) {
        const outcome = outcomes ? outcomes[index] : { ok: true as const, value: await subject.get(key) };
        expect(outcome?.ok && value.equals(outcome.value?.value ?? new Uint8Array())).toBe(true);
      }
    },
  },
  {
    title: 'gives back a value of the largest size it takes',
    unless: ({ quirks }) => quirks.maxValueBytes === undefined && 'the store has no limit to test',
    run: (subject) => survives(subject, subject.quirks.maxValueBytes ?? mebibyte),
  },
  {
    title: 'refuses a value that is larger with the limit in the message, and keeps the old one',
    unless: noLimit,
    async run(subject) {
      const key = freshKey();
      await subject.set(key, 'old');
      await expect(subject.store.set({ key, value: tooLarge(subject) }, never)).rejects.toMatchObject(refusal);
      expect(await subject.text(key)).toBe('old');
    },
  },
  {
    title: 'refuses one value of many that is larger, and takes the others',
    needs: ['setMany'],
    unless: noLimit,
    async run(subject) {
      const keys = freshKeys(3);
      for (const key of keys) await subject.set(key, 'old');
      const requests = keys.map((key, index) => ({ key, value: index === 1 ? tooLarge(subject) : Buffer.from('new') }));
      const outcomes = await subject.method('setMany')(requests, never);
      expect(outcomes).toMatchObject([{ ok: true }, { ok: false, error: refusal }, { ok: true }]);
      expect(await subject.texts(keys)).toEqual(['new', 'old', 'new']);
    },
  },
  {
    title: 'does nothing of a transaction with a value that is larger',
    needs: ['transact'],
    unless: noLimit,
    async run(subject) {
      const keys = subject.keysTogether(2);
      for (const key of keys) await subject.set(key, 'old');
      const [one = '', two = ''] = keys;
      const error = await subject
        .transact([
          { operation: 'set', key: one, value: Buffer.from('new') },
          { operation: 'set', key: two, value: tooLarge(subject) },
        ])
        .then(
          () => 'answered',
          (reason: unknown) => reason,
        );
      expect(ComponentError.is(error) && error.code).toBe('invalid-argument');
      expect(await subject.texts(keys)).toEqual(['old', 'old']);
    },
  },
];
