import { setTimeout as delay } from 'node:timers/promises';
import type { SecretStore } from '@outrigger/core';
import { expect, vi } from 'vitest';
import {
  expectOutage,
  type KillableServer,
  misleading,
  noNetwork,
  noServer,
  openRoute,
  withServer,
} from '../faults.ts';
import { expectHidden, viewsOf } from '../hidden.ts';
import type { Network } from '../network.ts';
import { never, promptMs, within } from '../within.ts';
import { callsOf, type SecretCase, type SecretSubject } from './case.ts';

const conftest = { conftestsecret: 'abcd' };

type Killable = Pick<KillableServer<unknown>, 'kill' | 'start'>;

/** A case whose `store` talks to the server that may be killed. */
function serverCase(
  title: string,
  run: (store: SecretStore, subject: SecretSubject, server: Killable) => Promise<void>,
): SecretCase {
  return {
    title,
    unless: ({ quirks }) => !quirks.server && noServer,
    async run(subject) {
      const { server } = subject.quirks;
      if (!server) return;
      const store = await (server.create ?? subject.create)();
      try {
        await withServer(server, (killable) => run(store, subject, killable));
        if (!server.create) await answersAgain(subject.store, subject);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    },
  };
}

/** A case whose `store` reaches the server through a network of its own. */
function networkCase(
  title: string,
  run: (store: SecretStore, subject: SecretSubject, network: Network, cutForMs: number) => Promise<void>,
): SecretCase {
  return {
    title,
    unless: ({ quirks }) => !quirks.network && noNetwork,
    async run(subject) {
      const { network: route } = subject.quirks;
      if (!route) return;
      await using network = await openRoute(route);
      const store = await route.create({ address: network.address });
      try {
        await run(store, subject, network, route.cutForMs ?? 2000);
      } finally {
        await network.mend({ reset: true });
        await store[Symbol.asyncDispose]();
      }
    },
  };
}

async function answersAgain(store: SecretStore, { quirks }: SecretSubject): Promise<void> {
  const read = async () =>
    expect(await store.get({ name: 'conftestsecret' }, AbortSignal.timeout(5000))).toEqual(conftest);
  await vi.waitFor(read, { timeout: quirks.recoversWithinMs, interval: 50 });
}

/** Readers that go on until they are stopped; fails when one is given anything but the secret or an error. */
class Readers implements AsyncDisposable {
  answers = 0;
  readonly refusals: unknown[] = [];
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor(store: SecretStore) {
    this.#running = Promise.all(Array.from({ length: 4 }, () => this.#read(store)));
    this.#running.catch(() => {}); // check() says it
  }

  async answered(count: number, timeout: number): Promise<void> {
    const target = this.answers + count;
    const check = () => expect(this.answers, `answers; last refusal: ${String(this.refusals.at(-1))}`);
    await vi.waitFor(() => check().toBeGreaterThanOrEqual(target), { timeout, interval: 5 });
  }

  async check(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    expect(misleading(this.refusals), 'refusals that do not say that the read may succeed later').toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#running.catch(() => {});
  }

  async #read(store: SecretStore): Promise<void> {
    while (!this.#stopped) {
      const answer = await store.get({ name: 'conftestsecret' }, AbortSignal.timeout(5000)).then(
        (secret) => ({ secret }),
        (error: unknown) => {
          this.refusals.push(error);
        },
      );
      if (answer) expect(answer.secret, 'a secret that is there all the time').toEqual(conftest);
      if (answer) this.answers++;
      await delay(answer ? 2 : 20);
    }
  }
}

/** What has to hold for the calls of a store that cannot reach its server. */
async function expectNoServer(store: SecretStore, subject: SecretSubject): Promise<void> {
  const { failsWithinMs, answersWithoutServer } = subject.quirks;
  await Promise.all(
    Object.entries(callsOf(store, never)).map(async ([name, call]) => {
      const answer = call().then(
        (secrets) => ({ secrets }),
        (error: unknown) => ({ error }),
      );
      const result = await within(failsWithinMs, `${name} without a server`, answer);
      if ('error' in result) {
        expectOutage(result.error, name);
        expectHidden(subject.hidden, viewsOf(result.error));
      } else {
        expect(answersWithoutServer ?? false, `${name} answered without a server`).toBe(true);
        if (name === 'get') expect(result.secrets).toEqual(conftest);
      }
    }),
  );
}

async function expectGivesUp(store: SecretStore, answersWithoutServer = false): Promise<void> {
  for (const [name, call] of Object.entries(callsOf(store, AbortSignal.timeout(500)))) {
    const settled = call().then(
      () => 'answered',
      () => 'failed',
    );
    const result = await within(promptMs, `${name} whose caller has gone`, settled);
    if (!answersWithoutServer) expect(result, name).toBe('failed');
  }
}

export const serverFaultCases: readonly SecretCase[] = [
  serverCase(
    'when the server is killed under load, readers get the secret or an error and never nothing',
    async (store, subject, server) => {
      await using readers = new Readers(store);
      await readers.answered(20, subject.quirks.failsWithinMs);
      await server.kill();
      await delay(300);
      await server.start();
      await readers.answered(20, subject.quirks.recoversWithinMs);
      await readers.check();
    },
  ),
  serverCase(
    'while the server is down every call says so in time, and the same instance works once it is back',
    async (store, subject, server) => {
      await answersAgain(store, subject);
      await server.kill();
      // the first call may meet a connection that is dying, the second none
      for (let round = 0; round < 2; round++) await expectNoServer(store, subject);
      await expectGivesUp(store, subject.quirks.answersWithoutServer);
      await server.start();
      await answersAgain(store, subject);
    },
  ),
  serverCase('closing while the server is down ends in time', async (store, subject, server) => {
    await server.kill();
    const calls = Object.values(callsOf(store, never)).map((call) => call().catch(() => {}));
    const closing = store[Symbol.asyncDispose]();
    await within(subject.quirks.failsWithinMs, 'closing without a server', Promise.all([...calls, closing]));
  }),
];

export const networkFaultCases: readonly SecretCase[] = [
  networkCase(
    'when connections are reset under load and the network is cut, readers get the secret or an error and never nothing',
    async (store, subject, network, cutForMs) => {
      const { failsWithinMs, recoversWithinMs } = subject.quirks;
      await using readers = new Readers(store);
      await readers.answered(20, failsWithinMs);
      for (let round = 0; round < 5; round++) {
        network.reset();
        await readers.answered(10, recoversWithinMs);
      }
      await network.cut();
      await delay(cutForMs);
      await network.mend({ reset: true });
      await readers.answered(20, recoversWithinMs);
      await readers.check();
    },
  ),
  networkCase(
    'calls into a cut network end when their caller gives up, or by themselves in time, and later ones work',
    async (store, subject, network) => {
      await answersAgain(store, subject);
      await network.cut();
      await expectGivesUp(store, subject.quirks.answersWithoutServer);
      await expectNoServer(store, subject);
      await network.mend({ reset: true });
      await answersAgain(store, subject);
    },
  ),
  networkCase('closing through a cut network ends in time', async (store, subject, network) => {
    await network.cut();
    const calls = Object.values(callsOf(store, never)).map((call) => call().catch(() => {}));
    const closing = store[Symbol.asyncDispose]();
    const { failsWithinMs } = subject.quirks;
    await within(failsWithinMs + promptMs, 'closing through a cut network', Promise.all([...calls, closing]));
  }),
];
