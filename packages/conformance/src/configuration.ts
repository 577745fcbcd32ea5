import type { ConfigurationStore } from '@outrigger/core';
import { afterAll, beforeAll, describe } from 'vitest';
import { changeCases } from './configuration/changes.ts';
import { readingCases } from './configuration/reading.ts';
import { patience } from './within.ts';

/** Where configuration stores rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface ConfigurationStoreQuirks {
  /** The store has no versions: each item comes with an empty one. Default false. */
  readonly unversioned?: boolean;
  /** How long, in milliseconds, a change may take to be told. Default 5000. */
  readonly toldWithinMs?: number;
}

/** Changes what the store holds, past the component, as an operator would. */
export interface ConfigurationBackend extends AsyncDisposable {
  set(key: string, item: { readonly value: string; readonly version: string }): Promise<void>;
  delete(key: string): Promise<void>;
}

export interface ConfigurationSubject {
  /** A connected instance; the suite disposes it. Keys are unique per case, so the backend need never be emptied. */
  readonly createStore: () => Promise<ConfigurationStore>;
  readonly connectBackend: () => Promise<ConfigurationBackend>;
}

/** What the cases work with. */
export interface ConfigurationFixture extends ConfigurationSubject {
  readonly store: ConfigurationStore;
  readonly backend: ConfigurationBackend;
  readonly quirks: Required<ConfigurationStoreQuirks>;
}

/**
 * Registers the cases that every configuration store has to pass; call it inside a test file. Those about changes run where the
 * store has `subscribe`.
 *
 * @example
 * configurationStoreConformance({ createStore: () => create({ host }), connectBackend: () => connect(host) });
 */
export function configurationStoreConformance(
  subject: ConfigurationSubject,
  quirks: ConfigurationStoreQuirks = {},
): void {
  describe('configuration store conformance', () => {
    let store: ConfigurationStore;
    let backend: ConfigurationBackend;
    beforeAll(async () => {
      [store, backend] = await Promise.all([subject.createStore(), subject.connectBackend()]);
    });
    afterAll(() => Promise.all([store[Symbol.asyncDispose](), backend[Symbol.asyncDispose]()]));

    const fixture: ConfigurationFixture = {
      ...subject,
      quirks: { unversioned: false, ...quirks, toldWithinMs: (quirks.toldWithinMs ?? 5000) * patience },
      get store() {
        return store;
      },
      get backend() {
        return backend;
      },
    };
    readingCases(fixture);
    changeCases(fixture);
  });
}
