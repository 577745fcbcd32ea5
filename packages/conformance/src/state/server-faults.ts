import { setTimeout as delay } from 'node:timers/promises';
import type { StateStore } from '@outrigger/core';
import { expect } from 'vitest';
import { expectOutage, type KillableServer, noServer, withServer } from '../faults.ts';
import { expectHidden, viewsOf } from '../hidden.ts';
import { never, promptMs, within } from '../within.ts';
import type { StateCase } from './case.ts';
import { callsOf } from './lifecycle.ts';
import { Load, worksAgain } from './load.ts';
import { freshKey, StateSubject } from './subject.ts';

const downForMs = 300;

/** A case whose instances talk to the server that may be killed; `store` is one of them. */
function serverCase(
  title: string,
  run: (
    store: StateStore,
    subject: StateSubject,
    server: Pick<KillableServer<unknown>, 'kill' | 'start'>,
  ) => Promise<void>,
): StateCase {
  return {
    title,
    unless: ({ quirks }) => !quirks.server && noServer,
    async run({ create, quirks }) {
      const { server } = quirks;
      if (!server) return;
      const make = server.create ?? create;
      await using store = await make();
      await using subject = await StateSubject.open(make, quirks);
      await withServer(server, (killable) => run(store, subject, killable));
      for (const one of [store, subject.store, subject.other]) await worksAgain(one, subject);
    },
  };
}

export const serverFaultCases: readonly StateCase[] = [
  serverCase(
    'when the server is killed under load, no acknowledged write is lost and nothing else is answered than the truth',
    async (store, subject, server) => {
      const { failsWithinMs, recoversWithinMs } = subject.quirks;
      await using load = new Load(subject, store);
      for (let round = 0; round < 2; round++) {
        await load.acknowledges(200, failsWithinMs);
        await server.kill();
        await delay(downForMs);
        await server.start();
        await load.acknowledges(200, recoversWithinMs);
      }
      await worksAgain(subject.store, subject);
      await load.check();
    },
  ),
  serverCase(
    'while the server is down every call says so in time, and the same instance works once it is back',
    async (store, subject, server) => {
      const { failsWithinMs, credentials = [] } = subject.quirks;
      const key = freshKey();
      await subject.set(key, 'before', {}, store);
      await server.kill();
      // the first call may meet a connection that is dying, the second none
      for (let round = 0; round < 2; round++) {
        await Promise.all(
          Object.entries(callsOf(store, key, never, subject)).map(async ([name, call]) => {
            const error = await within(failsWithinMs, `${name} without a server`, outageOf(call));
            expectOutage(error, name);
            expectHidden(credentials, viewsOf(error));
          }),
        );
      }
      await server.start();
      await worksAgain(store, subject);
      expect(await subject.text(key, store)).toBe('before');
    },
  ),
  serverCase('while the server is down a call ends when its caller gives up', async (store, subject, server) => {
    await server.kill();
    for (const [name, call] of Object.entries(callsOf(store, freshKey(), AbortSignal.timeout(500), subject))) {
      const error = await within(promptMs, `${name} whose caller has gone`, outageOf(call));
      expect(error, name).toBeInstanceOf(Error);
    }
  }),
  serverCase('closing while the server is down ends in time', async (_, subject, server) => {
    const store = await subject.create();
    const idle = await subject.create();
    const calls = Object.values(callsOf(store, freshKey(), never, subject)).map((call) => call().catch(() => {}));
    await server.kill();
    const closing = Promise.all([store, idle].map((one) => one[Symbol.asyncDispose]()));
    await within(subject.quirks.failsWithinMs, 'closing without a server', Promise.all([...calls, closing]));
  }),
];

/** What a call fails with that is made while there is no server; bulk calls may say it of each entry. */
export async function outageOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    const answer = await call();
    const [outcome] = Array.isArray(answer) ? (answer as readonly { ok?: boolean; error?: unknown }[]) : [];
    return outcome?.ok === false ? outcome.error : 'an answer';
  } catch (error) {
    return error;
  }
}
