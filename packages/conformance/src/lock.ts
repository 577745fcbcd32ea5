import { randomUUID } from 'node:crypto';
import type { LockStore } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { promptMs, within } from './within.ts';

/** Where lock stores rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface LockStoreQuirks {
  /** Instances do not see each other's locks, as with a store inside one process. Default false. */
  readonly isolated?: boolean;
  /** How much later than its time, in milliseconds, a lock may expire. Default 1000. */
  readonly expiryGranularityMs?: number;
}

/** A connected instance; the suite disposes it. Ids are unique per case, so the backend need never be emptied. */
export type CreateLockStore = () => Promise<LockStore>;

/**
 * Registers the cases that every lock store has to pass; call it inside a test file.
 *
 * @example
 * lockStoreConformance(() => create({ host }));
 */
export function lockStoreConformance(createStore: CreateLockStore, quirks: LockStoreQuirks = {}): void {
  describe('lock store conformance', () => {
    const { signal } = new AbortController();
    const { isolated = false, expiryGranularityMs = 1000 } = quirks;
    let store: LockStore;
    let other: LockStore;

    beforeAll(async () => {
      store = await createStore();
      other = isolated ? store : await createStore();
    });
    afterAll(() => Promise.all([store, other].map((one) => one[Symbol.asyncDispose]())));

    const tryLock = (resourceId: string, owner: string, expiryInSeconds = 60, one = store) =>
      one.tryLock({ resourceId, owner, expiryInSeconds }, signal);
    const unlock = (resourceId: string, owner: string, one = store) => one.unlock({ resourceId, owner }, signal);

    it('gives a lock to one owner, until that one unlocks it', async () => {
      const id = freshId();
      expect(await tryLock(id, 'a')).toBe(true);
      expect(await tryLock(id, 'b', 60, other)).toBe(false);
      expect(await unlock(id, 'b', other)).toBe('other-owner');
      expect(await tryLock(id, 'b')).toBe(false);
      expect(await unlock(id, 'a', other)).toBe('unlocked');
      expect(await tryLock(id, 'b', 60, other)).toBe(true);
      expect(await unlock(id, 'b')).toBe('unlocked');
    });

    it('does not give a lock again to the one who holds it', async () => {
      const id = freshId();
      expect(await tryLock(id, 'a')).toBe(true);
      expect(await tryLock(id, 'a')).toBe(false);
      expect(await unlock(id, 'a')).toBe('unlocked');
    });

    it('says that nobody holds a lock', async () => {
      const id = freshId();
      expect(await unlock(id, 'a')).toBe('missing');
      await tryLock(id, 'a');
      await unlock(id, 'a');
      expect(await unlock(id, 'a')).toBe('missing');
    });

    it('keeps locks with other ids apart', async () => {
      const ids = [freshId(), freshId()] as const;
      expect(await tryLock(ids[0], 'a')).toBe(true);
      expect(await tryLock(ids[1], 'b')).toBe(true);
      expect(await unlock(ids[0], 'a')).toBe('unlocked');
      expect(await unlock(ids[1], 'a')).toBe('other-owner');
    });

    it('takes any text for an id and an owner', async () => {
      for (const text of ['with space', 'Grüße 世界', '*', '{tag}', 'a'.repeat(500)]) {
        const id = `${freshId()}${text}`;
        expect(await tryLock(id, text), text).toBe(true);
        expect(await unlock(id, `${text}x`), text).toBe('other-owner');
        expect(await unlock(id, text), text).toBe('unlocked');
      }
    });

    it('lets a lock expire in its time, and not before', async () => {
      const id = freshId();
      const began = performance.now();
      expect(await tryLock(id, 'a', 2)).toBe(true);
      expect(await tryLock(id, 'b')).toBe(false);
      await expect
        .poll(() => tryLock(id, 'b'), { interval: 20, timeout: 2000 + expiryGranularityMs + promptMs })
        .toBe(true);
      // clocks of two machines differ by a little
      expect(performance.now() - began).toBeGreaterThan(1900);
      expect(await unlock(id, 'a')).toBe('other-owner');
      expect(await unlock(id, 'b')).toBe('unlocked');
    });

    it('gives a lock to exactly one of many who want it at once', async () => {
      for (let round = 0; round < 20; round++) {
        const id = freshId();
        const owners = Array.from({ length: 10 }, (_, index) => `owner ${index}`);
        const outcomes = await Promise.all(
          owners.map((owner, index) => tryLock(id, owner, 60, index % 2 === 0 ? store : other)),
        );
        expect(outcomes.filter(Boolean)).toHaveLength(1);
        expect(await unlock(id, owners[outcomes.indexOf(true)] ?? '')).toBe('unlocked');
      }
    });

    it('does nothing when its signal has aborted already', async () => {
      const id = freshId();
      const reason = new Error('no longer wanted');
      const aborted = AbortSignal.abort(reason);
      await expect(store.tryLock({ resourceId: id, owner: 'a', expiryInSeconds: 60 }, aborted)).rejects.toThrow(
        reason.message,
      );
      expect(await tryLock(id, 'b')).toBe(true);
      await expect(store.unlock({ resourceId: id, owner: 'b' }, aborted)).rejects.toThrow(reason.message);
      expect(await unlock(id, 'b')).toBe('unlocked');
    });

    it('settles every call whose caller goes, and goes on serving', async () => {
      for (let round = 0; round < 10; round++) {
        const controller = new AbortController();
        const request = { resourceId: freshId(), owner: 'a', expiryInSeconds: 60 };
        const calls = [store.tryLock(request, controller.signal), store.unlock(request, controller.signal)];
        if (round % 2 === 0) await Promise.resolve();
        controller.abort(new Error('no longer wanted'));
        await within(promptMs, 'calls that were aborted', Promise.allSettled(calls));
      }
      expect(await tryLock(freshId(), 'a')).toBe(true);
    });

    it('can be closed twice, also at the same time, keeps its locks and then refuses every call', async () => {
      const closing = await createStore();
      const id = freshId();
      expect(await tryLock(id, 'a', 60, closing)).toBe(true);
      const close = () => within(promptMs, 'closing', closing[Symbol.asyncDispose]());
      await Promise.all([close(), close()]);
      await close();
      await expect(tryLock(id, 'a', 60, closing)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(unlock(id, 'a', closing)).rejects.toMatchObject({ code: 'unavailable' });
      if (!isolated) expect(await unlock(id, 'a')).toBe('unlocked');
    });

    it('settles every call when it is closed under load', async () => {
      const closing = await createStore();
      const calls = Array.from({ length: 100 }, () => tryLock(freshId(), 'a', 60, closing));
      const all = Promise.allSettled(calls);
      await within(promptMs, 'closing', closing[Symbol.asyncDispose]());
      for (const result of await within(promptMs, 'calls of a store that was closed', all)) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'unavailable' });
        else expect(result.value).toBe(true);
      }
    });
  });
}

function freshId(): string {
  return `conformance-${randomUUID()}`;
}
