import { ComponentError, type Secret, type SecretStore, type SecretStoreFeature } from '@outrigger/core';

/** Where secrets come from that this process can read without waiting. */
export interface LocalSecrets {
  /** What messages call it. */
  readonly title: string;
  readonly features: readonly SecretStoreFeature[];
  get(name: string): Secret | undefined;
  getAll(): Readonly<Record<string, Secret>>;
}

/** Secrets at hand, for as long as the store is open. */
export class LocalSecretStore implements SecretStore {
  readonly features: readonly SecretStoreFeature[];
  readonly #secrets: LocalSecrets;
  #closed = false;

  constructor(secrets: LocalSecrets) {
    this.features = secrets.features;
    this.#secrets = secrets;
  }

  async get({ name }: { readonly name: string }, signal: AbortSignal): Promise<Secret | undefined> {
    this.#refuse(signal);
    return this.#secrets.get(name);
  }

  async getAll(_: object, signal: AbortSignal): Promise<Readonly<Record<string, Secret>>> {
    this.#refuse(signal);
    return this.#secrets.getAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #refuse(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', `the secret store over ${this.#secrets.title} is closed`);
  }
}
