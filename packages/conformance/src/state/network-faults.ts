import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, type StateStore } from '@outrigger/core';
import { expect } from 'vitest';
import { expectOutage, noNetwork, openRoute } from '../faults.ts';
import type { MendOptions, Network } from '../network.ts';
import { never, promptMs, within } from '../within.ts';
import type { StateCase } from './case.ts';
import { callsOf } from './lifecycle.ts';
import { Load, worksAgain } from './load.ts';
import { outageOf } from './server-faults.ts';
import { freshKey, setting, type StateSubject } from './subject.ts';

interface Route {
  readonly network: Network;
  readonly cutForMs: number;
  /** Another instance that reaches the server through the network. */
  readonly create: () => Promise<StateStore>;
}

/** A case whose `store` reaches the server through a network of its own; those of `subject` have nothing to do with it. */
function networkCase(
  title: string,
  run: (store: StateStore, subject: StateSubject, route: Route) => Promise<void>,
  needs: StateCase['needs'] = [],
): StateCase {
  return {
    title,
    needs,
    unless: ({ quirks }) => !quirks.network && noNetwork,
    async run(subject) {
      const { network: route } = subject.quirks;
      if (!route) return;
      await using network = await openRoute(route);
      const create = () => route.create({ address: network.address });
      const store = await create();
      try {
        await run(store, subject, { network, cutForMs: route.cutForMs ?? 2000, create });
        await network.mend({ reset: true });
        await worksAgain(store, subject);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    },
  };
}

async function loseNothing(store: StateStore, subject: StateSubject, route: Route, mend: MendOptions): Promise<void> {
  const { failsWithinMs, recoversWithinMs } = subject.quirks;
  await using load = new Load(subject, store);
  await load.acknowledges(200, failsWithinMs);
  await route.network.cut(mend.reset ? { newConnections: 'refuse' } : {});
  await delay(route.cutForMs);
  await route.network.mend(mend);
  await load.acknowledges(200, recoversWithinMs);
  await load.check();
}

/** Fails unless it says that the same call may succeed later. */
function expectRetryable(error: unknown, what: string): void {
  expect(ComponentError.is(error) && error.retryable, `${what} failed with ${String(error)}`).toBe(true);
}

export const networkFaultCases: readonly StateCase[] = [
  networkCase('when the network is cut under load and mended, no acknowledged write is lost', (store, subject, route) =>
    loseNothing(store, subject, route, {}),
  ),
  networkCase(
    'when the network is cut under load and forgets its connections, no acknowledged write is lost',
    (store, subject, route) => loseNothing(store, subject, route, { reset: true }),
  ),
  networkCase(
    'when every connection is reset under load, again and again, no acknowledged write is lost',
    async (store, subject, { network }) => {
      await using load = new Load(subject, store);
      for (let round = 0; round < 10; round++) {
        await load.acknowledges(30, subject.quirks.recoversWithinMs);
        network.reset();
      }
      await load.acknowledges(30, subject.quirks.recoversWithinMs);
      await load.check();
    },
  ),
  networkCase(
    'a transaction whose connection is cut in the middle is done as a whole or not at all, and a success means done',
    async (store, subject, { network }) => {
      for (let round = 0; round < 20; round++) {
        await worksAgain(store, subject);
        const keys = subject.keysTogether(20);
        const value = randomBytes(16 * 1024);
        const answer = subject
          .method('transact', store)(
            keys.map((key) => ({ operation: 'set' as const, key, value })),
            {},
            never,
          )
          .then(
            () => 'answered',
            (error: unknown) => error,
          );
        for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
        network.reset();
        const result = await within(subject.quirks.failsWithinMs, 'a transaction that was cut off', answer);
        const count = async () => (await subject.texts(keys)).filter((text) => text !== undefined).length;
        if (result === 'answered') expect(await count(), 'what is there of an acknowledged transaction').toBe(20);
        else expectRetryable(result, 'a transaction');
        // what was cut off may still be under way
        await expect.poll(async () => [0, 20].includes(await count())).toBe(true);
      }
    },
    ['transact'],
  ),
  networkCase(
    'a transaction that is guarded by an etag is done at most once, whatever becomes of its answer',
    async (store, subject, { network }) => {
      const [guard = '', log = ''] = subject.keysTogether(2);
      await subject.set(guard, '0');
      for (let round = 0; round < 20; round++) {
        await worksAgain(store, subject);
        const etag = await subject.etag(guard);
        const before = Number(await subject.text(guard));
        const operations = [setting(guard, String(before + 1), { etag }), setting(log, String(before + 1))];
        const answer = subject
          .method('transact', store)(operations, {}, never)
          .then(
            () => 'answered',
            (error: unknown) => error,
          );
        for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
        network.reset();
        const result = await within(subject.quirks.failsWithinMs, 'a transaction that was cut off', answer);
        // nobody else has the etag, so it can only have been taken by this very transaction, sent twice
        if (result === 'answered')
          expect(await subject.texts([guard, log])).toEqual([String(before + 1), String(before + 1)]);
        else expectRetryable(result, 'a transaction');
      }
    },
    ['transact', 'etag'],
  ),
  networkCase('a read whose connection is cut gives all or an error', async (store, subject, { network }) => {
    const key = freshKey();
    const value = randomBytes(Math.min(1024 * 1024, subject.quirks.maxValueBytes ?? 1024 * 1024));
    await subject.store.set({ key, value }, never);
    for (let round = 0; round < 20; round++) {
      await worksAgain(store, subject);
      const answer = store.get({ key }, never).then(
        (item) => ({ item }),
        (error: unknown) => ({ error }),
      );
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
      network.reset();
      const result = await within(subject.quirks.failsWithinMs, 'a read that was cut off', answer);
      if ('item' in result) expect(value.equals(result.item?.value ?? new Uint8Array())).toBe(true);
      else expectRetryable(result.error, 'a read');
    }
  }),
  networkCase(
    'calls into a cut network end when their caller gives up, and later ones work',
    async (store, subject, { network }) => {
      await worksAgain(store, subject);
      await network.cut();
      const calls = Object.entries(callsOf(store, freshKey(), AbortSignal.timeout(500), subject));
      await Promise.all(
        calls.map(async ([name, call]) =>
          expect(await within(promptMs, `${name} whose caller has gone`, outageOf(call)), name).toBeInstanceOf(Error),
        ),
      );
    },
  ),
  networkCase('calls into a cut network end by themselves in time', async (store, subject, { network }) => {
    await worksAgain(store, subject);
    await network.cut();
    await Promise.all(
      Object.entries(callsOf(store, freshKey(), never, subject)).map(async ([name, call]) =>
        expectOutage(await within(subject.quirks.failsWithinMs, `${name} into a cut network`, outageOf(call)), name),
      ),
    );
  }),
  networkCase('closing through a cut network ends in time', async (_, subject, { network, create }) => {
    const [busy, idle] = [await create(), await create()];
    await network.cut();
    const calls = Object.values(callsOf(busy, freshKey(), never, subject)).map((call) => call().catch(() => {}));
    const closing = [busy, idle].map((store) => store[Symbol.asyncDispose]());
    await within(
      subject.quirks.failsWithinMs + promptMs,
      'closing through a cut network',
      Promise.all([...calls, ...closing]),
    );
  }),
];
