import type { LockStore, Policy, UnlockOutcome } from '@outrigger/core';

import { propertyOf } from '../components/component-instance.ts';
import {
  expiryNotPositive,
  lockOwnerEmpty,
  lockStoreNotFound,
  lockStoresNotConfigured,
  resourceIdEmpty,
  tryLockFailed,
  unlockFailed,
} from './lock-errors.ts';
import { checkResourceId, lockKeyPrefix } from './lock-key.ts';

/** Which lock, and who holds it or wants to. */
export interface LockRequest {
  /** Without the prefix. */
  readonly resourceId: string;
  readonly owner: string;
}

/** One lock store as the app sees it: keys get their prefix, the outbound policy applies, failures become ApiErrors. */
export interface LockHandle {
  /** Whether `owner` now holds the lock. Never waits for another holder. Throws for an empty id or owner and an expiry below 1. */
  tryLock(request: LockRequest & { readonly expiryInSeconds: number }, signal?: AbortSignal): Promise<boolean>;

  unlock(request: LockRequest, signal?: AbortSignal): Promise<UnlockOutcome>;
}

/** A lock store that is up, and what of its resource concerns the building block. */
export interface LockComponent {
  readonly name: string;
  readonly store: LockStore;
  /** The resource's metadata as texts, names as in the YAML: `keyPrefix`. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface LockBlockOptions {
  readonly appId: string;
  /** The outbound policy of a component; `undefined`: calls go straight through. Asked with each call. */
  readonly policy?: (component: string) => Policy | undefined;
}

const never = new AbortController().signal;

/** The distributed lock building block: every loaded store by its name. */
export class LockBlock {
  readonly #handles: ReadonlyMap<string, LockHandle>;

  /** Throws a ComponentError for a key prefix that cannot be used. */
  constructor(components: readonly LockComponent[], { appId, policy }: LockBlockOptions) {
    this.#handles = new Map(
      components.map(({ name, store, properties }) => {
        const prefix = lockKeyPrefix(propertyOf(properties, 'keyPrefix'), { name, appId });
        return [name, new StoreLock(name, store, prefix, () => policy?.(name))];
      }),
    );
  }

  /** Throws 500 `ERR_LOCK_STORE_NOT_CONFIGURED` when there is no store at all, 400 `ERR_LOCK_STORE_NOT_FOUND` for another name. */
  store(name: string): LockHandle {
    const handle = this.#handles.get(name);
    if (handle !== undefined) return handle;
    throw this.#handles.size === 0 ? lockStoresNotConfigured() : lockStoreNotFound(name);
  }
}

class StoreLock implements LockHandle {
  readonly #name: string;
  readonly #store: LockStore;
  readonly #prefix: string;
  readonly #policy: () => Policy | undefined;

  constructor(name: string, store: LockStore, prefix: string, policy: () => Policy | undefined) {
    this.#name = name;
    this.#store = store;
    this.#prefix = prefix;
    this.#policy = policy;
  }

  async tryLock(
    request: LockRequest & { readonly expiryInSeconds: number },
    signal: AbortSignal = never,
  ): Promise<boolean> {
    const { expiryInSeconds } = request;
    if (!(expiryInSeconds > 0)) throw expiryNotPositive(this.#name);
    this.#check(request);
    try {
      const whole = { ...this.#prefixed(request), expiryInSeconds };
      return await this.#run((attempt) => this.#store.tryLock(whole, attempt), signal);
    } catch (error) {
      throw tryLockFailed(error);
    }
  }

  async unlock(request: LockRequest, signal: AbortSignal = never): Promise<UnlockOutcome> {
    this.#check(request);
    try {
      const whole = this.#prefixed(request);
      return await this.#run((attempt) => this.#store.unlock(whole, attempt), signal);
    } catch (error) {
      throw unlockFailed(error);
    }
  }

  #check({ resourceId, owner }: LockRequest): void {
    if (resourceId === '') throw resourceIdEmpty(this.#name);
    if (owner === '') throw lockOwnerEmpty(this.#name);
  }

  #prefixed({ resourceId, owner }: LockRequest): LockRequest {
    checkResourceId(resourceId);
    return { resourceId: this.#prefix + resourceId, owner };
  }

  #run<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const policy = this.#policy();
    return policy === undefined ? call(signal) : policy.execute(call, signal);
  }
}
