import { ComponentError, type StateStore } from '@outrigger/core';
import { expect } from 'vitest';
import { expectHidden, viewsOf } from '../hidden.ts';
import { never } from '../within.ts';
import type { Claim, StateCase } from './case.ts';
import { callsOf } from './lifecycle.ts';
import { freshKey, setting, type StateSubject } from './subject.ts';

const value = Buffer.from('x');

/** Why a case about the absence of a feature says nothing about this store. */
const claimed = (claim: Claim) => (subject: StateSubject) => subject.claims(claim) && `the store claims ${claim}`;

/** What a store says that cannot do what it is asked for. */
async function expectRefusal(call: Promise<unknown> | undefined, what: string): Promise<void> {
  const error = await call?.then(
    () => 'took it',
    (reason: unknown) => reason,
  );
  if (call === undefined) return;
  const code = ComponentError.is(error) ? error.code : error;
  expect(['unsupported', 'invalid-argument'], `${what}, which is not claimed`).toContain(code);
}

/** As {@link expectRefusal}, of a bulk call, which may also refuse the one entry. */
async function expectBulkRefusal(call: ReturnType<NonNullable<StateStore['setMany']>> | undefined, what: string) {
  await expectRefusal(
    call?.then(([outcome]) => {
      if (outcome && !outcome.ok) throw outcome.error;
    }),
    what,
  );
}

export const claimCases: readonly StateCase[] = [
  {
    title: 'claims only what the contract knows',
    async run({ store }) {
      const { features, maxTransactionSize, transactsWithinOneShard } = store;
      expect(['etag', 'ttl']).toEqual(expect.arrayContaining([...features]));
      expect(new Set(features).size).toBe(features.length);
      if (store.transact === undefined) {
        expect({ maxTransactionSize, transactsWithinOneShard: transactsWithinOneShard ?? false }).toEqual({
          transactsWithinOneShard: false,
        });
      } else {
        expect(maxTransactionSize ?? 1).toBeGreaterThan(0);
      }
    },
  },
  {
    title: 'can do what it has a method for',
    async run(subject) {
      for (const [name, call] of Object.entries(callsOf(subject.store, freshKey(), never, subject))) {
        await expect(
          call().then(() => 'answered', String),
          name,
        ).resolves.toBe('answered');
      }
    },
  },
  {
    title: 'shows etags only where it claims them, and an end only where it claims that and one was given',
    async run(subject) {
      const key = freshKey();
      await subject.set(key, 'x', subject.claims('ttl') ? { ttlInSeconds: -1 } : {});
      const many = await subject.store.getMany?.([{ key }], never);
      const items = [await subject.get(key), ...(many ?? []).map((outcome) => outcome.ok && outcome.value)];
      for (const item of items) {
        expect(item).toBeTruthy();
        expect(item && item.etag !== undefined).toBe(subject.claims('etag'));
        expect(item && item.expiresAt).toBeUndefined();
      }
    },
  },
  {
    title: 'refuses etags and first-write where it does not claim etags',
    unless: claimed('etag'),
    async run(subject) {
      const { store } = subject;
      const key = freshKey();
      const first = { key, value, concurrency: 'first-write' } as const;
      const guarded = { key, value, etag: subject.quirks.foreignEtag };
      await expectRefusal(store.set(first, never), 'first-write');
      await expectRefusal(store.set(guarded, never), 'an etag');
      await expectRefusal(store.delete(guarded, never), 'an etag of a deletion');
      await expectBulkRefusal(store.setMany?.([first], never), 'first-write in bulk');
      await expectBulkRefusal(store.deleteMany?.([guarded], never), 'an etag in bulk');
      await expectRefusal(
        store.transact?.([setting(key, 'x', { etag: subject.quirks.foreignEtag })], {}, never),
        'an etag in a transaction',
      );
      expect(await subject.get(key)).toBeUndefined();
    },
  },
  {
    title: 'refuses a time to live where it does not claim one, and takes "for ever"',
    unless: claimed('ttl'),
    async run(subject) {
      const { store } = subject;
      const key = freshKey();
      await expectRefusal(store.set({ key, value, ttlInSeconds: 60 }, never), 'a time to live');
      await expectBulkRefusal(store.setMany?.([{ key, value, ttlInSeconds: 60 }], never), 'a time to live in bulk');
      await expectRefusal(
        store.transact?.([setting(key, 'x', { ttlInSeconds: 60 })], {}, never),
        'a time to live in a transaction',
      );
      expect(await subject.get(key)).toBeUndefined();
      await store.set({ key, value, ttlInSeconds: -1 }, never);
      expect(await subject.text(key)).toBe('x');
    },
  },
  {
    title: 'keeps its items from other instances where the set-up says that they are isolated',
    unless: ({ quirks }) => !quirks.isolated && 'its instances share their items',
    async run(subject) {
      const key = freshKey();
      await using other = await subject.create();
      await subject.set(key, 'x');
      expect(await subject.text(key)).toBe('x');
      expect(await subject.text(key, other)).toBeUndefined();
    },
  },
  {
    title: 'shows its credentials to nobody',
    unless: ({ quirks }) => !quirks.credentials?.length && 'the set-up names no credentials',
    async run(subject) {
      const hidden = subject.quirks.credentials ?? [];
      const store = await subject.create();
      await subject.set(freshKey(), 'x', {}, store);
      expectHidden(hidden, viewsOf(store));
      const aborted = AbortSignal.abort(new Error('no longer wanted'));
      const calls = Object.values(callsOf(store, freshKey(), aborted, subject));
      await store[Symbol.asyncDispose]();
      calls.push(...Object.values(callsOf(store, freshKey(), never, subject)));
      for (const call of calls) {
        const error = await call().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expectHidden(hidden, viewsOf(error));
      }
    },
  },
];
