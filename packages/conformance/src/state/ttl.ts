import type { BulkOutcome, StateItem } from '@outrigger/core';
import { expect, vi } from 'vitest';
import { never, promptMs } from '../within.ts';
import { needing, type StateCase } from './case.ts';
import { etagMismatch, etagOf, freshKey, setting, type StateSubject } from './subject.ts';

// Timers and clocks of backends are not ours to the millisecond.
const tolerance = 100;
// The longest that the API takes: 68 years, beyond 2038, and more than one timer holds.
const longest = 2_147_483_647;

/** Waits until the item is gone; fails when that takes longer than it may. */
async function gone(subject: StateSubject, key: string, seconds: number): Promise<void> {
  await vi.waitFor(async () => expect(await subject.get(key)).toBeUndefined(), {
    timeout: seconds * 1000 + subject.quirks.ttlGranularityMs + promptMs,
    interval: 20,
  });
}

async function endOf(subject: StateSubject, key: string): Promise<number> {
  return (await subject.get(key))?.expiresAt?.getTime() ?? Number.NaN;
}

function expectEnd(end: number, written: { readonly after: number; readonly before: number }, subject: StateSubject) {
  expect(end).toBeGreaterThanOrEqual(written.after - tolerance);
  expect(end).toBeLessThanOrEqual(written.before + subject.quirks.ttlGranularityMs + tolerance);
}

const isThere = (outcome: BulkOutcome<StateItem | undefined> | undefined): boolean =>
  outcome?.ok === true && outcome.value !== undefined;

/** The cases wait for the clock, so they run at the same time. */
export const ttlCases: readonly StateCase[] = needing(
  ['ttl'],
  [
    {
      title: 'keeps an item for its time and not much longer, and says when it ends',
      async run(subject) {
        const key = freshKey();
        const before = Date.now();
        await subject.set(key, 'x', { ttlInSeconds: 2 });
        const after = Date.now();
        expectEnd(await endOf(subject, key), { after: before + 2000, before: after + 2000 }, subject);
        await gone(subject, key, 2);
        expect(Date.now()).toBeGreaterThanOrEqual(before + 2000 - tolerance);
      },
    },
    {
      title: 'counts anew with every write',
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'one', { ttlInSeconds: 1 });
        await subject.set(key, 'two', { ttlInSeconds: 60 });
        expect(await endOf(subject, key)).toBeGreaterThan(Date.now() + 50_000);
        await subject.set(key, 'three', { ttlInSeconds: 1 });
        await gone(subject, key, 1);
      },
    },
    {
      title: 'keeps what lives for decades',
      async run(subject) {
        const key = freshKey();
        const before = Date.now();
        await subject.set(key, 'x', { ttlInSeconds: longest });
        const after = Date.now();
        expectEnd(
          await endOf(subject, key),
          { after: before + longest * 1000, before: after + longest * 1000 },
          subject,
        );
        await new Promise((resolve) => setTimeout(resolve, 1200)); // what must not happen has no event to wait for
        expect(await subject.text(key)).toBe('x');
      },
    },
    ...[{}, { ttlInSeconds: -1 }].map((options): StateCase => ({
      title: `keeps for ever what is written again with ${options.ttlInSeconds ?? 'no'} time to live`,
      unless: ({ quirks }) =>
        options.ttlInSeconds === undefined && quirks.defaultTtlInSeconds !== undefined && 'the store has a default',
      async run(subject) {
        const [key, clock] = [freshKey(), freshKey()];
        await subject.set(key, 'one', { ttlInSeconds: 1 });
        await subject.set(key, 'two', options);
        await subject.set(clock, 'x', { ttlInSeconds: 1 });
        expect((await subject.get(key))?.expiresAt).toBeUndefined();
        await gone(subject, clock, 1);
        expect(await subject.text(key)).toBe('two');
      },
    })),
    {
      title: 'gives its default time to what is written without one, and none to what is written for ever',
      unless: ({ quirks }) => quirks.defaultTtlInSeconds === undefined && 'the set-up has no default time to live',
      async run(subject) {
        const ms = (subject.quirks.defaultTtlInSeconds ?? 0) * 1000;
        const [key, kept] = [freshKey(), freshKey()];
        const before = Date.now();
        await subject.set(key, 'x');
        const after = Date.now();
        await subject.set(kept, 'x', { ttlInSeconds: -1 });
        expectEnd(await endOf(subject, key), { after: before + ms, before: after + ms }, subject);
        expect((await subject.get(kept))?.expiresAt).toBeUndefined();
      },
    },
    {
      title: 'takes an expired item for one that is not there when it compares etags',
      needs: ['etag'],
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'one', { ttlInSeconds: 1 });
        const etag = await subject.etag(key);
        await gone(subject, key, 1);
        await expect(subject.delete(key, { etag })).rejects.toMatchObject(etagMismatch);
        if (!subject.quirks.etagMakesItem) {
          await expect(subject.set(key, 'two', { etag })).rejects.toMatchObject(etagMismatch);
        }
        await subject.set(key, 'three', { concurrency: 'first-write' });
        expect(await subject.text(key)).toBe('three');
        expect((await subject.get(key))?.expiresAt === undefined).toBe(
          subject.quirks.defaultTtlInSeconds === undefined,
        );
      },
    },
    {
      title: 'takes an expired item for one that is not there within a transaction',
      needs: ['etag', 'transact'],
      async run(subject) {
        const [expired = '', other = ''] = subject.keysTogether(2);
        await subject.set(expired, 'one', { ttlInSeconds: 1 });
        const etag = await subject.etag(expired);
        await gone(subject, expired, 1);
        if (!subject.quirks.etagMakesItem) {
          const stale = [setting(other, 'x'), setting(expired, 'two', { etag })];
          await expect(subject.transact(stale)).rejects.toMatchObject(etagMismatch);
          expect(await subject.get(other)).toBeUndefined();
        }
        await subject.transact([setting(expired, 'three', { concurrency: 'first-write' }), setting(other, 'x')]);
        expect(await subject.texts([expired, other])).toEqual(['three', 'x']);
      },
    },
    {
      title: 'gives what is written with an etag its time too',
      needs: ['etag'],
      async run(subject) {
        const key = freshKey();
        await subject.set(key, 'one');
        const item = await subject.get(key);
        await subject.set(key, 'two', { etag: etagOf(item, key), ttlInSeconds: 1 });
        expect((await subject.get(key))?.expiresAt).toBeInstanceOf(Date);
        await gone(subject, key, 1);
      },
    },
    {
      title: 'shows the time, and then not the item, to a reader of many',
      needs: ['getMany'],
      async run(subject) {
        const keys = [freshKey('expires'), freshKey('stays')];
        const [key = '', kept = ''] = keys;
        const read = () =>
          subject.method('getMany')(
            keys.map((each) => ({ key: each })),
            never,
          );
        await subject.set(kept, 'x', { ttlInSeconds: -1 });
        await subject.set(key, 'x', { ttlInSeconds: 1 });
        const live = await read();
        expect(live.map((outcome) => outcome.ok && outcome.value?.expiresAt instanceof Date)).toEqual([true, false]);
        await gone(subject, key, 1);
        expect((await read()).map(isThere)).toEqual([false, true]);
      },
    },
    {
      title: 'neither lists nor counts expired keys',
      needs: ['keysLike'],
      async run(subject) {
        const prefix = freshKey();
        const [key, kept] = [`${prefix}||expires`, `${prefix}||stays`];
        await subject.set(key, 'x', { ttlInSeconds: 1 });
        await subject.set(kept, 'x', { ttlInSeconds: -1 });
        const list = (pageSize?: number) =>
          subject.method('keysLike')({ pattern: `${prefix}%`, ...(pageSize && { pageSize }) }, never);
        expect((await list()).keys.toSorted()).toEqual([key, kept]);
        await gone(subject, key, 1);
        expect(await list()).toEqual({ keys: [kept] });
        expect(await list(1)).toEqual({ keys: [kept] });
      },
    },
    {
      title: 'does not count expired items that it deletes by prefix',
      needs: ['deleteWithPrefix'],
      async run(subject) {
        const prefix = freshKey();
        await subject.set(`${prefix}||expires`, 'x', { ttlInSeconds: 1 });
        await subject.set(`${prefix}||stays`, 'x');
        await gone(subject, `${prefix}||expires`, 1);
        expect(await subject.method('deleteWithPrefix')(prefix, never)).toBe(1);
      },
    },
    {
      title: 'finds no expired items with a query',
      needs: ['query'],
      async run(subject) {
        const keyPrefix = `${freshKey()}||`;
        const json = { contentType: 'application/json' };
        await subject.set(`${keyPrefix}expires`, '{"title":"expires"}', { ...json, ttlInSeconds: 1 });
        await subject.set(`${keyPrefix}stays`, '{"title":"stays"}', { ...json, ttlInSeconds: -1 });
        await gone(subject, `${keyPrefix}expires`, 1);
        const found = async () => {
          const { items } = await subject.method('query')(
            { sort: [], keyPrefix },
            subject.quirks.query?.metadata ?? {},
            never,
          );
          return items.map(({ key }) => key);
        };
        // these cases run side by side, where expect.poll cannot be used
        await vi.waitFor(async () => expect(await found()).toEqual([`${keyPrefix}stays`]), { timeout: promptMs });
      },
    },
    {
      title: 'keeps time for what is written with many others',
      needs: ['setMany'],
      async run(subject) {
        const [key, kept, value] = [freshKey(), freshKey(), Buffer.from('x')];
        const requests = [
          { key, value, ttlInSeconds: 1 },
          { key: kept, value, ttlInSeconds: -1 },
        ];
        await subject.method('setMany')(requests, never);
        expect((await subject.get(key))?.expiresAt).toBeInstanceOf(Date);
        expect((await subject.get(kept))?.expiresAt).toBeUndefined();
        await gone(subject, key, 1);
        expect(await subject.text(kept)).toBe('x');
      },
    },
    {
      title: 'keeps time within a transaction',
      needs: ['transact'],
      async run(subject) {
        const [key = '', kept = ''] = subject.keysTogether(2);
        await subject.set(kept, 'x', { ttlInSeconds: 1 });
        await subject.transact([setting(key, 'x', { ttlInSeconds: 1 }), setting(kept, 'x', { ttlInSeconds: -1 })]);
        expect((await subject.get(key))?.expiresAt).toBeInstanceOf(Date);
        expect((await subject.get(kept))?.expiresAt).toBeUndefined();
        await gone(subject, key, 1);
        expect(await subject.text(kept)).toBe('x');
      },
    },
  ],
);
