import type { Secret, SecretStore } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CreateSecretStore, SecretStoreQuirks } from './secrets/quirks.ts';

export type { CuttableRoute, KillableServer } from './faults.ts';
export type { CreateSecretStore, SecretStoreQuirks } from './secrets/quirks.ts';

/**
 * Registers the cases that every secret store has to pass; call it inside a test file.
 *
 * @example
 * secretStoreConformance(() => create({ secretsFile: 'test/secrets.json' }));
 */
export function secretStoreConformance(createSecretStore: CreateSecretStore, quirks: SecretStoreQuirks = {}): void {
  describe('secret store conformance', () => {
    const { signal } = new AbortController();
    let store: SecretStore;

    beforeAll(async () => {
      store = await createSecretStore();
    });
    afterAll(() => store[Symbol.asyncDispose]());

    it('gives a secret by its name', async () => {
      expect(await store.get({ name: 'conftestsecret' }, signal)).toEqual({ conftestsecret: 'abcd' });
      expect(await store.get({ name: 'secondsecret', metadata: {} }, signal)).toEqual({ secondsecret: 'efgh' });
    });

    it('gives the same secret to many readers at once', async () => {
      const readers = Array.from({ length: 20 }, () => store.get({ name: 'conftestsecret' }, signal));
      for (const secret of await Promise.all(readers)) expect(secret).toEqual({ conftestsecret: 'abcd' });
    });

    it.each(['no-such-secret', 'toString', '__proto__'])('has no secret called %s', async (name) => {
      expect(entriesOf(await store.get({ name }, signal))).toEqual(unknown(name));
    });

    it('lists all its secrets by name, where it can list', async () => {
      const all = await store.getAll?.({ metadata: {} }, signal);
      if (all === undefined) return;
      expect(all).toMatchObject({ conftestsecret: { conftestsecret: 'abcd' }, secondsecret: { secondsecret: 'efgh' } });
      expect(Object.keys(all)).not.toContain('no-such-secret');
    });

    it('keeps several values in one secret when it says that it can, and else one under its own name', async () => {
      const several = store.features.includes('multiple-key-values-per-secret');
      const values = { user: 'u', password: 'p' };
      const secret = await store.get({ name: 'multisecret' }, signal);
      expect(entriesOf(secret)).toEqual(several ? entriesOf(values) : unknown('multisecret'));

      const all = (await store.getAll?.({}, signal)) ?? {};
      const otherwise = Object.entries(all).filter(([name, { [name]: value }]) => value === undefined);
      expect(otherwise.map(([name]) => name)).toEqual(
        several && store.getAll ? expect.arrayContaining(['multisecret']) : [],
      );
    });

    /** What `get` answers for a name that does not exist. */
    function unknown(name: string): [string, string][] | undefined {
      return quirks.unknownName === 'empty-value' ? [[name, '']] : undefined;
    }
  });
}

/** In the order of their names: the one they come in is the backend's. */
function entriesOf(secret: Secret | undefined): [string, string][] | undefined {
  return secret && Object.entries(secret).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
