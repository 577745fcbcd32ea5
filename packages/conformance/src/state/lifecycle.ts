import type { StateStore } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { freshKey, type StateSubject } from './subject.ts';

const value = Buffer.from('x');

/** Every call that the store has, as one that writes under `key`, deletes it or reads it. */
function calls(
  store: StateStore,
  key: string,
  signal: AbortSignal,
): Record<string, () => Promise<unknown> | undefined> {
  return {
    get: () => store.get({ key }, signal),
    set: () => store.set({ key, value }, signal),
    delete: () => store.delete({ key }, signal),
    getMany: () => store.getMany?.([{ key }], signal),
    setMany: () => store.setMany?.([{ key, value }], signal),
    deleteMany: () => store.deleteMany?.([{ key }], signal),
    transact: () => store.transact?.([{ operation: 'set', key, value }], {}, signal),
    keysLike: () => store.keysLike?.({ pattern: key }, signal),
    deleteWithPrefix: () => store.deleteWithPrefix?.(key, signal),
  };
}

export function lifecycleCases(subject: StateSubject): void {
  describe('signals and closing', () => {
    it('does nothing when its signal has aborted already', async () => {
      const key = freshKey();
      const reason = new Error('no longer wanted');
      for (const [name, call] of Object.entries(calls(subject.store, key, AbortSignal.abort(reason)))) {
        const result = call();
        if (result !== undefined) await expect(result, name).rejects.toThrow(reason.message);
      }
      expect(await subject.get(key)).toBeUndefined();
    });

    it('settles every call when its signal aborts under way', async () => {
      for (let round = 0; round < 20; round++) {
        const controller = new AbortController();
        const key = freshKey();
        const results = Object.values(calls(subject.store, key, controller.signal)).map(async (call) => call());
        if (round % 2 === 0) await Promise.resolve();
        controller.abort();
        await Promise.allSettled(results);
      }
      const key = freshKey();
      await subject.set(key, 'still serving');
      expect(await subject.text(key)).toBe('still serving');
    });

    it('settles every call when it is closed under load, and keeps what it answered', async () => {
      const store = await subject.create();
      const keys = Array.from({ length: 200 }, () => freshKey());
      const writes = keys.map((key) => store.set({ key, value: Buffer.from(key) }, subject.signal));
      const [results] = await Promise.all([Promise.allSettled(writes), store[Symbol.asyncDispose]()]);
      expect(results).toHaveLength(200);
      if (subject.quirks.isolated) return;
      const written = keys.filter((_, index) => results[index]?.status === 'fulfilled');
      expect(await Promise.all(written.map((key) => subject.text(key)))).toEqual(written);
    });

    it('can be closed twice, and then refuses every call', async () => {
      const store = await subject.create();
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      for (const [name, call] of Object.entries(calls(store, freshKey(), subject.signal))) {
        const result = call();
        if (result !== undefined) await expect(result, name).rejects.toMatchObject({ code: 'unavailable' });
      }
    });
  });
}
