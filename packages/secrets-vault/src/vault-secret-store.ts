import type { Logger, RequestMetadata, Secret, SecretStore, SecretStoreFeature } from '@outrigger/core';
import { DeniedError, type KvEngine, type StoredSecret } from './kv-engine.ts';
import type { TokenSource } from './token-source.ts';
import type { VaultClient } from './vault-client.ts';
import { refused } from './vault-failure.ts';

export interface VaultSecretStoreOptions {
  readonly client: VaultClient;
  readonly tokens: TokenSource;
  readonly engine: KvEngine;
  readonly valueType: 'map' | 'text';
  readonly logger: Logger;
}

/** How many secrets of a list are read at the same time. */
const readers = 8;

export class VaultSecretStore implements SecretStore {
  readonly features: readonly SecretStoreFeature[];
  readonly #options: VaultSecretStoreOptions;
  /** What the log has named as left out of a list. */
  readonly #leftOut = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(options: VaultSecretStoreOptions) {
    this.#options = options;
    this.features = options.valueType === 'map' ? ['multiple-key-values-per-secret'] : [];
  }

  get(
    { name, metadata }: { readonly name: string; readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    const { client, engine } = this.#options;
    return client.calls.run(async () => {
      const secret = await engine.read(name, versionIn(metadata), signal);
      return secret && this.#secretOf(name, secret);
    }, signal);
  }

  getAll(
    { metadata }: { readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, Secret>>> {
    const { client, engine } = this.#options;
    return client.calls.run(async () => {
      const version = versionIn(metadata);
      const names = await this.#names(signal);
      const secrets: (readonly [string, Secret])[] = [];
      const remaining = names.entries();
      const failing = new AbortController();
      const listing = AbortSignal.any([signal, failing.signal]);
      const reader = async (): Promise<void> => {
        for (const [index, name] of remaining) {
          listing.throwIfAborted();
          const secret = await this.#unlessDenied(name, () => engine.read(name, version, listing));
          if (secret !== undefined) secrets[index] = [name, this.#secretOf(name, secret)];
        }
      };
      // where one fails the list fails, and nobody goes on reading for it
      await Promise.all(
        Array.from({ length: readers }, () =>
          reader().catch((error: unknown) => {
            failing.abort(error);
            throw error;
          }),
        ),
      );
      // in the order of the list; what was left out has left a hole
      return Object.fromEntries(secrets.filter(() => true));
    }, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { client, tokens } = this.#options;
    const closed = client.close();
    await tokens[Symbol.asyncDispose]();
    await closed;
  }

  /** All secrets, also in folders. That the first list is denied is an error; what is denied below it is left out. */
  async #names(signal: AbortSignal): Promise<readonly string[]> {
    const { engine } = this.#options;
    const names: string[] = [];
    const folders = [''];
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      signal.throwIfAborted();
      const path = folder;
      const list = (): Promise<readonly string[]> => engine.list(path, signal);
      const entries = (path === '' ? await list() : await this.#unlessDenied(path, list)) ?? [];
      for (const entry of entries) (entry.endsWith('/') ? folders : names).push(path + entry);
    }
    return names;
  }

  async #unlessDenied<T>(name: string, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof DeniedError)) throw error;
      const { logger } = this.#options;
      if (!this.#leftOut.has(name)) logger.warn(`left out of the list of secrets: ${error.message}`);
      this.#leftOut.add(name);
      return undefined;
    }
  }

  #secretOf(name: string, { json, values }: StoredSecret): Secret {
    return Object.fromEntries(this.#options.valueType === 'map' ? values : [[name, json]]);
  }
}

/** The version that a request asks for; 0 is the latest. */
function versionIn(metadata: RequestMetadata | undefined): string {
  const version = metadata?.['version_id'] ?? '';
  if (version === '') return '0';
  if (/^\d{1,10}$/.test(version)) return version;
  throw refused('version_id is the number of a version');
}
