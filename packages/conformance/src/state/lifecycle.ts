import { ComponentError, type StateStore } from '@outrigger/core';
import { expect } from 'vitest';
import { never, promptMs, within } from '../within.ts';
import type { OptionalMethod, StateCase } from './case.ts';
import { freshKey, freshKeys, setting, type StateSubject } from './subject.ts';

const value = Buffer.from('x');

/** Every call that the store has, as one that writes under `key`, deletes it or reads it. */
export function callsOf(
  store: StateStore,
  key: string,
  signal: AbortSignal,
  { quirks }: StateSubject,
): Readonly<Record<string, () => Promise<unknown>>> {
  const { metadata = {} } = quirks.query ?? {};
  const calls: Record<string, () => Promise<unknown> | undefined> = {
    getMany: () => store.getMany?.([{ key }], signal),
    setMany: () => store.setMany?.([{ key, value }], signal),
    deleteMany: () => store.deleteMany?.([{ key }], signal),
    transact: () => store.transact?.([setting(key, 'x')], {}, signal),
    query: () => store.query?.({ sort: [], keyPrefix: `${key}||` }, metadata, signal),
    keysLike: () => store.keysLike?.({ pattern: key }, signal),
    deleteWithPrefix: () => store.deleteWithPrefix?.(key, signal),
  };
  const claimed = Object.entries(calls).filter(([name]) => store[name as OptionalMethod] !== undefined);
  return {
    get: () => store.get({ key }, signal),
    set: () => store.set({ key, value }, signal),
    delete: () => store.delete({ key }, signal),
    ...Object.fromEntries(claimed.map(([name, call]) => [name, async () => call()])),
  };
}

/** How long may pass until an aborted call has ended, or an instance that nothing holds up is closed. */

function close(store: StateStore): Promise<void> {
  return within(promptMs, 'closing', store[Symbol.asyncDispose]());
}

/** What became of a call, as one word or the reason that it failed. */
async function settled(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
    return 'answered';
  } catch (error) {
    return error;
  }
}

const isClosed = (reason: unknown): boolean => ComponentError.is(reason) && reason.code === 'unavailable';

export const lifecycleCases: readonly StateCase[] = [
  {
    title: 'does nothing when its signal has aborted already, and rejects with the reason',
    async run(subject) {
      const [key, kept] = [freshKey(), freshKey()];
      await subject.set(kept, 'kept');
      const reason = new Error('no longer wanted');
      for (const written of [key, kept]) {
        for (const [name, call] of Object.entries(
          callsOf(subject.store, written, AbortSignal.abort(reason), subject),
        )) {
          await expect(within(promptMs, `an aborted ${name}`, call()), name).rejects.toThrow(reason.message);
        }
      }
      expect(await subject.texts([key, kept])).toEqual([undefined, 'kept']);
    },
  },
  {
    title: 'settles every call when its signal aborts under way, and goes on serving',
    async run(subject) {
      for (let round = 0; round < 20; round++) {
        const controller = new AbortController();
        const key = freshKey();
        const reason = new Error('no longer wanted');
        const calls = Object.entries(callsOf(subject.store, key, controller.signal, subject));
        const results = calls.map(async ([name, call]) => [name, await settled(call)] as const);
        if (round % 3 === 1) await Promise.resolve();
        if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
        controller.abort(reason);
        for (const [name, result] of await within(promptMs, 'calls that were aborted', Promise.all(results))) {
          if (result !== 'answered') expect(String(result), name).toContain(reason.message);
        }
      }
      const key = freshKey();
      await subject.set(key, 'still serving');
      expect(await subject.text(key)).toBe('still serving');
    },
  },
  {
    title: 'aborts one call of many and answers the others',
    async run(subject) {
      const keys = freshKeys(100);
      const controller = new AbortController();
      const writes = keys.map((key, index) =>
        settled(() => subject.store.set({ key, value }, index % 2 === 0 ? never : controller.signal)),
      );
      controller.abort(new Error('no longer wanted'));
      const results = await within(promptMs, 'writes of which half were aborted', Promise.all(writes));
      expect(results.filter((result, index) => index % 2 === 0 && result !== 'answered')).toEqual([]);
      const texts = await subject.texts(keys);
      expect(keys.filter((_, index) => results[index] === 'answered' && texts[index] !== 'x')).toEqual([]);
    },
  },
  {
    title: 'does all or nothing of a transaction that is aborted, and a success means all',
    needs: ['transact'],
    async run(subject) {
      for (let round = 0; round < 20; round++) {
        const keys = subject.keysTogether(10);
        const controller = new AbortController();
        const result = settled(() =>
          subject.method('transact')(
            keys.map((key) => setting(key, 'x')),
            {},
            controller.signal,
          ),
        );
        for (let turn = 0; turn < round % 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        controller.abort(new Error('no longer wanted'));
        const answer = await within(promptMs, 'a transaction that was aborted', result);
        // what was aborted may still be under way
        await expect.poll(async () => new Set(await subject.texts(keys)).size).toBe(1);
        if (answer === 'answered') expect(await subject.text(keys[0] ?? '')).toBe('x');
      }
    },
  },
  {
    title: 'settles every call when it is closed under load, and keeps what it answered',
    async run(subject) {
      const store = await subject.create();
      const keys = freshKeys(300);
      const late = freshKeys(100);
      const pairs = subject.claims('transact') ? Array.from({ length: 20 }, () => subject.keysTogether(2)) : [];
      const writes = keys.map((key) => settled(() => subject.set(key, key, {}, store)));
      const transactions = pairs.map((pair) =>
        settled(() =>
          subject.transact(
            pair.map((key) => setting(key, 'pair')),
            store,
          ),
        ),
      );
      const reads = keys.map((key) => settled(() => store.get({ key }, never)));
      await Promise.race(writes);
      const writesBefore = late.slice(0, 50).map((key) => settled(() => subject.set(key, key, {}, store)));
      const closing = close(store);
      const writesAfter = late.slice(50).map((key) => settled(() => subject.set(key, key, {}, store)));
      await closing;
      const all = Promise.all([...writes, ...transactions, ...reads, ...writesBefore, ...writesAfter]);
      const results = await within(promptMs, 'calls of a store that was closed', all);
      expect(results.filter((result) => result !== 'answered' && !isClosed(result))).toEqual([]);
      if (subject.quirks.isolated) return;
      const lateResults = results.slice(-late.length);
      const written = [
        ...keys.filter((_, index) => results[index] === 'answered'),
        ...late.filter((_, index) => lateResults[index] === 'answered'),
      ];
      expect(await subject.texts(written, subject.other)).toEqual(written);
      for (const [index, pair] of pairs.entries()) {
        const texts = await subject.texts(pair, subject.other);
        if (results[keys.length + index] === 'answered') expect(texts).toEqual(['pair', 'pair']);
        expect(new Set(texts).size, 'values of one transaction').toBe(1);
      }
    },
  },
  {
    title: 'can be closed twice, also at the same time, and then refuses every call',
    async run(subject) {
      const store = await subject.create();
      const key = freshKey();
      await subject.set(key, 'x', {}, store);
      await Promise.all([close(store), close(store)]);
      await close(store);
      for (const [name, call] of Object.entries(callsOf(store, freshKey(), never, subject))) {
        await expect(within(promptMs, `${name} of a closed store`, call()), name).rejects.toMatchObject({
          code: 'unavailable',
        });
      }
      if (!subject.quirks.isolated) expect(await subject.text(key)).toBe('x');
    },
  },
  {
    title: 'leaves other instances alone when one is closed',
    async run(subject) {
      const stores = await Promise.all([subject.create(), subject.create(), subject.create()]);
      const key = freshKey();
      for (const store of stores) {
        await close(store);
        await subject.set(key, 'x');
        expect(await subject.text(key)).toBe('x');
      }
    },
  },
];
