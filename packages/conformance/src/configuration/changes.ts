import type { ConfigurationStore } from '@outrigger/core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigurationFixture } from '../configuration.ts';
import { never } from '../within.ts';
import { freshKeys, Told } from './told.ts';

export function changeCases(fixture: ConfigurationFixture): void {
  const { toldWithinMs } = fixture.quirks;
  const set = (key: string, value: string, version = '1') => fixture.backend.set(key, { value, version });
  const last = (told: Told, key: string, value: string) => told.last(key, value, toldWithinMs);

  function subscribe(told: Told, keys?: readonly string[], store = fixture.store): Promise<AsyncDisposable> {
    const subscription = store.subscribe?.(keys === undefined ? {} : { keys, metadata: {} }, told.onChange, never);
    if (subscription === undefined) throw new Error('the store has no subscribe');
    return subscription;
  }

  describe('telling of changes', () => {
    beforeEach(({ skip }) => skip(fixture.store.subscribe === undefined, 'the store does not tell of changes'));

    it('tells each subscription of its own keys, or of all', async () => {
      const keys = freshKeys('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
      const [first, second] = [keys.slice(0, 5), keys.slice(3, 7)];
      for (const key of keys) await set(key, 'before');
      const told = [new Told(), new Told(), new Told()] as const;
      await using _first = await subscribe(told[0], first);
      await using _second = await subscribe(told[1], second);
      await using _all = await subscribe(told[2]);
      for (const [index, key] of keys.entries()) await set(key, `after ${index}`, String(index));

      const prefix = keys[0].slice(0, -1);
      for (const [index, key] of keys.entries()) {
        await last(told[2], key, `after ${index}`);
        if (first.includes(key)) await last(told[0], key, `after ${index}`);
        if (second.includes(key)) await last(told[1], key, `after ${index}`);
      }
      expect(told.map((one) => one.keysFrom(prefix).toSorted())).toEqual([first, second, keys]);
      for (const one of told) {
        const items = one.calls.flatMap((call) => Object.values(call));
        expect(items.map(({ value }) => value)).not.toContain('before');
      }
    });

    it('tells of new items with their version, and of deleted ones with an empty value', async () => {
      const [key] = freshKeys('coming-and-going');
      const told = new Told();
      await using _ = await subscribe(told, [key]);
      await set(key, 'here', '7');
      await last(told, key, 'here');
      await fixture.backend.delete(key);
      await last(told, key, '');
      await set(key, 'again', '8');
      await last(told, key, 'again');
      const versions = told.calls.map(({ [key]: item }) => item?.version);
      expect(versions).toEqual(fixture.quirks.unversioned ? ['', '', ''] : ['7', '', '8']);
    });

    it('makes one call at a time, and keeps to the newest value meanwhile', async () => {
      const [key, other] = freshKeys('slow', 'other');
      const told = new Told(() => new Promise((resolve) => setTimeout(resolve, 5)));
      await using _ = await subscribe(told, [key, other]);
      for (let version = 1; version <= 50; version++) await set(key, `value ${version}`, String(version));
      await set(other, 'end');
      await last(told, key, 'value 50');
      await last(told, other, 'end');
      expect(told.atOnce).toBe(1);
      const numbers = told.valuesOf(key).map((value) => Number(value.slice('value '.length)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    });

    it('goes on after a call that failed', async () => {
      const [key] = freshKeys('failing');
      const told = new Told((items) => {
        if (items[key]?.value === 'bad') throw new Error('not taken');
      });
      await using _ = await subscribe(told, [key]);
      await set(key, 'bad');
      await last(told, key, 'bad');
      await set(key, 'good');
      await last(told, key, 'good');
      expect(told.valuesOf(key)).toEqual(['bad', 'good']);
    });

    it('ends one subscription and leaves the others', async () => {
      const [key] = freshKeys('ended');
      const told = [new Told(), new Told(), new Told()] as const;
      const subscriptions = [await subscribe(told[0], [key]), await subscribe(told[1])] as const;
      await using _ = await subscribe(told[2], [key]);
      await set(key, '1');
      for (const one of told) await last(one, key, '1');

      await subscriptions[0][Symbol.asyncDispose]();
      await set(key, '2');
      await Promise.all([last(told[1], key, '2'), last(told[2], key, '2')]);
      await subscriptions[1][Symbol.asyncDispose]();
      await set(key, '3');
      await last(told[2], key, '3');
      expect(told.map((one) => one.valuesOf(key))).toEqual([['1'], ['1', '2'], ['1', '2', '3']]);
    });

    it('can be ended by the call that it makes', async () => {
      const [key] = freshKeys('ends-itself');
      const told = new Told(async () => subscription[Symbol.asyncDispose]());
      const witness = new Told();
      const subscription = await subscribe(told, [key]);
      await using _ = await subscribe(witness, [key]);
      await set(key, '1');
      await last(told, key, '1');
      await set(key, '2');
      await last(witness, key, '2');
      expect(told.valuesOf(key)).toEqual(['1']);
    });

    it('ends with its store', async () => {
      const [key] = freshKeys('closed');
      const store: ConfigurationStore = await fixture.createStore();
      const [told, witness] = [new Told(), new Told()];
      await subscribe(told, [key], store);
      await using _ = await subscribe(witness, [key]);
      await set(key, '1');
      await last(told, key, '1');
      await store[Symbol.asyncDispose]();
      await set(key, '2');
      await last(witness, key, '2');
      expect(told.valuesOf(key)).toEqual(['1']);
    });

    it('does not begin when its signal has aborted already', async () => {
      const [key] = freshKeys('aborted');
      const told = new Told();
      const reason = new Error('no longer wanted');
      await expect(
        fixture.store.subscribe?.({ keys: [key] }, told.onChange, AbortSignal.abort(reason)),
      ).rejects.toThrow(reason.message);
    });
  });
}
