import { ComponentError, type Policy, type RequestMetadata, type Secret, type SecretStore } from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { SecretScope } from '../resources/configuration.ts';
import {
  secretBulkGetFailed,
  secretDenied,
  secretGetFailed,
  secretStoreNotFound,
  secretStoresNotConfigured,
} from './secrets-errors.ts';

/** One secret store as the app sees it: scoped by Configuration, with the outbound policy, failures as ApiErrors. */
export interface SecretsHandle {
  /** `undefined` when the store has no such secret. Throws 403 `ERR_PERMISSION_DENIED` when the scope forbids it. */
  get(name: string, metadata?: RequestMetadata, signal?: AbortSignal): Promise<Secret | undefined>;
  /** Without those that the scope forbids. */
  getAll(metadata?: RequestMetadata, signal?: AbortSignal): Promise<Readonly<Record<string, Secret>>>;
}

/** A secret store that is up. */
export interface SecretsComponent {
  readonly name: string;
  readonly store: SecretStore;
}

export interface SecretsBlockOptions {
  /** `spec.secrets.scopes` of the Configuration. A store without one allows every secret. */
  readonly scopes?: readonly SecretScope[];
  /** The outbound policy of a component; `undefined`: calls go straight through. Asked with each call. */
  readonly policy?: (component: string) => Policy | undefined;
  /** Counts the calls of a component. Absent, or `undefined`: nobody does. */
  readonly meter?: (component: string) => ComponentMeter | undefined;
}

const never = new AbortController().signal;

/** The secrets building block: every loaded store by its name. */
export class SecretsBlock {
  readonly #handles: ReadonlyMap<string, SecretsHandle>;

  constructor(components: readonly SecretsComponent[], options: SecretsBlockOptions = {}) {
    const { scopes = [], policy, meter } = options;
    this.#handles = new Map(
      components.map(({ name, store }) => {
        const scope = scopes.find((candidate) => candidate.storeName.trim() === name);
        return [name, new StoreSecrets(name, store, isAllowed(scope), () => policy?.(name), meter?.(name))];
      }),
    );
  }

  /** Throws 500 `ERR_SECRET_STORES_NOT_CONFIGURED` when there is no store at all, 401 `ERR_SECRET_STORE_NOT_FOUND` for another name. */
  store(name: string): SecretsHandle {
    const handle = this.#handles.get(name);
    if (handle !== undefined) return handle;
    throw this.#handles.size === 0 ? secretStoresNotConfigured() : secretStoreNotFound(name);
  }
}

/**
 * `allowedSecrets` alone counts where it is given; else `deniedSecrets` are denied and the rest is as `defaultAccess` says. Some
 * stores take a name in any case: what is denied is so in every case, while what is allowed is so only as it is written.
 */
function isAllowed(scope: SecretScope | undefined): (secret: string) => boolean {
  if (scope === undefined) return () => true;
  const allowed = new Set(scope.allowedSecrets);
  if (allowed.size > 0) return (secret) => allowed.has(secret);
  if (scope.defaultAccess === 'deny') return () => false;
  const denied = new Set(scope.deniedSecrets.map(foldedName));
  return denied.size === 0 ? () => true : (secret) => !denied.has(foldedName(secret));
}

function foldedName(secret: string): string {
  return secret.normalize('NFKC').trim().toLowerCase();
}

class StoreSecrets implements SecretsHandle {
  readonly #name: string;
  readonly #store: SecretStore;
  readonly #isAllowed: (secret: string) => boolean;
  readonly #policy: () => Policy | undefined;
  readonly #meter: ComponentMeter | undefined;

  constructor(
    name: string,
    store: SecretStore,
    allows: (secret: string) => boolean,
    policy: () => Policy | undefined,
    meter: ComponentMeter | undefined,
  ) {
    this.#name = name;
    this.#store = store;
    this.#isAllowed = allows;
    this.#policy = policy;
    this.#meter = meter;
  }

  async get(name: string, metadata?: RequestMetadata, signal: AbortSignal = never): Promise<Secret | undefined> {
    if (!this.#isAllowed(name)) throw secretDenied(this.#name, name);
    const request = metadata === undefined ? { name } : { name, metadata };
    try {
      return await this.#run('get', (attempt) => this.#store.get(request, attempt), signal);
    } catch (error) {
      throw secretGetFailed(this.#name, name, error);
    }
  }

  async getAll(metadata?: RequestMetadata, signal: AbortSignal = never): Promise<Readonly<Record<string, Secret>>> {
    const request = metadata === undefined ? {} : { metadata };
    let secrets: Readonly<Record<string, Secret>>;
    try {
      secrets = await this.#run('bulk_get', (attempt) => this.#list(request, attempt), signal);
    } catch (error) {
      throw secretBulkGetFailed(this.#name, error);
    }
    return Object.fromEntries(Object.entries(secrets).filter(([name]) => this.#isAllowed(name)));
  }

  #list(request: { readonly metadata?: RequestMetadata }, signal: AbortSignal) {
    if (this.#store.getAll !== undefined) return this.#store.getAll(request, signal);
    throw new ComponentError('unsupported', 'this secret store cannot list its secrets: get them one by one');
  }

  #run<T>(operation: string, call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const policy = this.#policy();
    const run = (): Promise<T> => (policy === undefined ? call(signal) : policy.execute(call, signal));
    return this.#meter === undefined ? run() : this.#meter.measure(operation, run);
  }
}
