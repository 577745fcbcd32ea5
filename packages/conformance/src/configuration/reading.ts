import { describe, expect, it } from 'vitest';
import type { ConfigurationFixture } from '../configuration.ts';
import { never, promptMs, within } from '../within.ts';
import { freshKeys } from './told.ts';

export function readingCases(fixture: ConfigurationFixture): void {
  const item = (value: string, version = '') => ({
    value,
    version: fixture.quirks.unversioned ? '' : version,
    metadata: expect.any(Object) as Record<string, string>,
  });

  describe('reading', () => {
    it('gives the items that are asked for, and leaves out those that are not there', async () => {
      const [a, b, missing] = freshKeys('a', 'b', 'missing');
      await fixture.backend.set(a, { value: 'one', version: 'v1' });
      await fixture.backend.set(b, { value: '2', version: '20' });
      expect(await fixture.store.get({ keys: [a, missing] }, never)).toEqual({ [a]: item('one', 'v1') });
      expect(await fixture.store.get({ keys: [b, a], metadata: {} }, never)).toEqual({
        [a]: item('one', 'v1'),
        [b]: item('2', '20'),
      });
      expect(await fixture.store.get({ keys: [missing] }, never)).toEqual({});
    });

    it.each([{}, { keys: [] }])('gives every item when asked with %j', async (request) => {
      const keys = Array.from({ length: 30 }, () => freshKeys('all')[0]);
      await Promise.all(keys.map((key) => fixture.backend.set(key, { value: `value of ${key}`, version: '1' })));
      const items = await fixture.store.get(request, never);
      for (const key of keys) expect(items[key]).toEqual(item(`value of ${key}`, '1'));
    });

    it('gives what is there now', async () => {
      const [key] = freshKeys('changing');
      for (const version of ['1', '2', '3']) {
        await fixture.backend.set(key, { value: `value ${version}`, version });
        expect((await fixture.store.get({ keys: [key] }, never))[key]).toEqual(item(`value ${version}`, version));
      }
      await fixture.backend.delete(key);
      expect(await fixture.store.get({ keys: [key] }, never)).toEqual({});
    });

    it('keeps every character of a value', async () => {
      const [key] = freshKeys('characters');
      for (const value of ['{"a": "b"}', 'Grüße, 世界 🚀', ' spaces ', 'line\nbreak', 'x'.repeat(100_000)]) {
        await fixture.backend.set(key, { value, version: '1' });
        expect((await fixture.store.get({ keys: [key] }, never))[key]?.value).toBe(value);
      }
    });

    it('settles every call when it is closed under load, can be closed twice and then refuses every call', async () => {
      const store = await fixture.createStore();
      const [key] = freshKeys('closing');
      await fixture.backend.set(key, { value: 'x', version: '1' });
      const close = () => within(promptMs, 'closing', store[Symbol.asyncDispose]());
      const reads = Promise.allSettled(Array.from({ length: 50 }, () => store.get({ keys: [key] }, never)));
      await Promise.all([close(), close()]);
      await close();
      for (const result of await within(promptMs, 'calls of a store that was closed', reads)) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'unavailable' });
        else expect(result.value).toEqual({ [key]: item('x', '1') });
      }
      await expect(store.get({ keys: [key] }, never)).rejects.toMatchObject({ code: 'unavailable' });
      const subscription = store.subscribe?.({ keys: [key] }, async () => {}, never);
      if (subscription) await expect(subscription).rejects.toMatchObject({ code: 'unavailable' });
    });

    it('settles every call whose caller goes, and goes on serving', async () => {
      const [key] = freshKeys('going');
      await fixture.backend.set(key, { value: 'x', version: '1' });
      for (let round = 0; round < 10; round++) {
        const controller = new AbortController();
        const reads = Promise.allSettled([fixture.store.get({ keys: [key] }, controller.signal)]);
        if (round % 2 === 0) await Promise.resolve();
        controller.abort(new Error('no longer wanted'));
        await within(promptMs, 'a read that was aborted', reads);
      }
      expect(await fixture.store.get({ keys: [key] }, never)).toEqual({ [key]: item('x', '1') });
    });

    it('does nothing when its signal has aborted already', async () => {
      const reason = new Error('no longer wanted');
      const [key] = freshKeys('aborted');
      await expect(fixture.store.get({ keys: [key] }, AbortSignal.abort(reason))).rejects.toThrow(reason.message);
    });
  });
}
