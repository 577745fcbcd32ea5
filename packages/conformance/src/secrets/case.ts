import type { Secret, SecretStore } from '@outrigger/core';
import { never, type OutageLimits, outageLimits } from '../within.ts';
import type { CreateSecretStore, SecretStoreQuirks } from './quirks.ts';

/** One thing that a user would notice. Rejects where the store breaks it. */
export interface SecretCase {
  readonly title: string;
  /** Why it says nothing about this store; false or undefined: it does. */
  readonly unless?: (subject: SecretSubject) => string | false | undefined;
  readonly run: (subject: SecretSubject) => Promise<void>;
}

const defaults = { unknownName: 'nothing' } as const;

/** The store under test and what most cases need of it. */
export class SecretSubject implements AsyncDisposable {
  readonly create: CreateSecretStore;
  readonly quirks: SecretStoreQuirks & Required<Pick<SecretStoreQuirks, keyof typeof defaults>> & OutageLimits;
  readonly store: SecretStore;

  private constructor(create: CreateSecretStore, quirks: SecretStoreQuirks, store: SecretStore) {
    this.create = create;
    this.quirks = { ...defaults, ...quirks, ...outageLimits(quirks) };
    this.store = store;
  }

  static async open(create: CreateSecretStore, quirks: SecretStoreQuirks): Promise<SecretSubject> {
    return new SecretSubject(create, quirks, await create());
  }

  get several(): boolean {
    return this.store.features.includes('multiple-key-values-per-secret');
  }

  get(name: string, store = this.store): Promise<Secret | undefined> {
    return store.get({ name }, never);
  }

  /** What `get` answers for a name that does not exist. */
  unknown(name: string): Secret | undefined {
    return this.quirks.unknownName === 'empty-value' ? { [name]: '' } : undefined;
  }

  /** Texts that nothing but the secrets themselves may show. */
  get hidden(): string[] {
    const odd = Object.values(this.quirks.oddSecrets ?? {}).flatMap((secret) => Object.values(secret));
    // what is too short stands in any text by chance
    return ['abcd', 'efgh', ...odd, ...(this.quirks.credentials ?? [])].filter((text) => text.length > 3);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
  }
}

/** Every call that the store has; `getAll` only where it can list. */
export function callsOf(store: SecretStore, signal: AbortSignal): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    get: () => store.get({ name: 'conftestsecret' }, signal),
    ...(store.getAll && { getAll: async () => store.getAll?.({}, signal) }),
  };
}

/** Both as a plain object, whatever made them. */
export function plain(secret: Secret | undefined): Record<string, string> | undefined {
  return secret && { ...secret };
}
