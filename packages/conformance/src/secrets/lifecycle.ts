import { ComponentError, type SecretStore } from '@outrigger/core';
import { expect } from 'vitest';
import { expectHidden, viewsOf } from '../hidden.ts';
import { never, promptMs, within } from '../within.ts';
import { callsOf, type SecretCase } from './case.ts';

/** How long may pass until an aborted call has ended, or an instance that nothing holds up is closed. */

function close(store: SecretStore): Promise<void> {
  return within(promptMs, 'closing', store[Symbol.asyncDispose]());
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

export const lifecycleCases: readonly SecretCase[] = [
  {
    title: 'gives nothing to a caller that has gone, and rejects with the reason',
    async run({ store }) {
      const signal = AbortSignal.abort(new Error('no longer wanted'));
      for (const [name, call] of Object.entries(callsOf(store, signal))) {
        await expect(within(promptMs, `an aborted ${name}`, call()), name).rejects.toThrow('no longer wanted');
      }
    },
  },
  {
    title: 'settles every call whose caller goes, and answers those who stay',
    async run({ store }) {
      for (let round = 0; round < 10; round++) {
        const controller = new AbortController();
        const staying = Promise.allSettled(Object.values(callsOf(store, never)).map((call) => call()));
        const going = Object.values(callsOf(store, controller.signal)).map((call) => failureOf(call()));
        if (round % 3 === 1) await Promise.resolve();
        if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
        controller.abort(new Error('no longer wanted'));
        const failures = await within(promptMs, 'calls that were aborted', Promise.all(going));
        for (const failure of failures)
          if (failure !== undefined)
            expect(failure).toHaveProperty('message', expect.stringContaining('no longer wanted'));
        const [secret, all] = await staying;
        expect(secret).toEqual({ status: 'fulfilled', value: { conftestsecret: 'abcd' } });
        expect(all?.status ?? 'fulfilled').toBe('fulfilled');
      }
    },
  },
  {
    title: 'settles every call when it is closed under load, and gives no wrong answer',
    async run({ create }) {
      const store = await create();
      const readers = Array.from({ length: 50 }, () => store.get({ name: 'conftestsecret' }, never));
      const lists = Array.from({ length: 3 }, async () => store.getAll?.({}, never));
      const all = Promise.allSettled([...readers, ...lists]);
      await close(store);
      const results = await within(promptMs, 'calls of a store that was closed', all);
      for (const [index, result] of results.entries()) {
        if (result.status === 'rejected') {
          // a busy machine may need longer than the store waits for its backend
          expect(['unavailable', 'deadline-exceeded'], String(result.reason)).toContain(
            ComponentError.is(result.reason) && result.reason.code,
          );
        } else if (index < readers.length) {
          expect(result.value).toEqual({ conftestsecret: 'abcd' });
        }
      }
    },
  },
  {
    title: 'can be closed twice, also at the same time, and then refuses every call',
    async run({ create }) {
      const store = await create();
      await Promise.all([close(store), close(store)]);
      await close(store);
      for (const [name, call] of Object.entries(callsOf(store, never))) {
        await expect(within(promptMs, `${name} of a closed store`, call()), name).rejects.toMatchObject({
          code: 'unavailable',
        });
      }
    },
  },
  {
    title: 'leaves other instances alone when one is closed',
    async run(subject) {
      await close(await subject.create());
      expect(await subject.get('conftestsecret')).toEqual({ conftestsecret: 'abcd' });
    },
  },
  {
    title: 'shows neither secrets nor credentials in a view of itself or in an error',
    async run({ create, hidden }) {
      const store = await create();
      const thrown: unknown[] = [];
      for (const call of Object.values(callsOf(store, never))) await call();
      expectHidden(hidden, viewsOf(store));
      for (const name of ['no-such-secret', '', '../nowhere', 'a/b?c#d', 'x'.repeat(3000)]) {
        thrown.push(await failureOf(store.get({ name }, never)));
      }
      const signal = AbortSignal.abort(new Error('no longer wanted'));
      for (const call of Object.values(callsOf(store, signal))) thrown.push(await failureOf(call()));
      await close(store);
      for (const call of Object.values(callsOf(store, never))) thrown.push(await failureOf(call()));
      expectHidden(hidden, viewsOf(store));
      expectHidden(hidden, thrown.flatMap(viewsOf));
    },
  },
];
