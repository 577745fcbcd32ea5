import type { StateItem, StateSetRequest, StateStore } from '@outrigger/core';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { CreateStateStore, StateStoreQuirks } from './quirks.ts';

type Claim = Extract<
  keyof StateStore,
  'transact' | 'getMany' | 'setMany' | 'deleteMany' | 'keysLike' | 'deleteWithPrefix'
>;

type Defaulted =
  | 'isolated'
  | 'ttlGranularityMs'
  | 'foreignEtag'
  | 'repeatsEtags'
  | 'etagMakesItem'
  | 'competitions'
  | 'maxValueBytes';

/** The store under test and what most cases need of it. Made inside the outermost `describe`. */
export class StateSubject {
  readonly create: CreateStateStore;
  readonly quirks: StateStoreQuirks & Required<Pick<StateStoreQuirks, Defaulted>>;
  /** Never aborts. */
  readonly signal: AbortSignal = new AbortController().signal;
  #stores: readonly StateStore[] = [];

  constructor(create: CreateStateStore, quirks: StateStoreQuirks) {
    this.create = create;
    this.quirks = {
      isolated: false,
      ttlGranularityMs: 0,
      foreignEtag: randomUUID(),
      repeatsEtags: false,
      etagMakesItem: false,
      competitions: 200,
      maxValueBytes: 1024 * 1024,
      ...quirks,
    };
    beforeAll(async () => {
      this.#stores = [await create(), ...(this.quirks.isolated ? [] : [await create()])];
    });
    afterAll(() => Promise.all(this.#stores.map((store) => store[Symbol.asyncDispose]())));
  }

  get store(): StateStore {
    const [store] = this.#stores;
    if (store === undefined) throw new Error('the store could not be created');
    return store;
  }

  /** Another instance on the same backend; where instances are isolated, the same one. */
  get other(): StateStore {
    return this.#stores[1] ?? this.store;
  }

  /** Lets the cases of this `describe` run only where the store has all of these features and methods. */
  onlyWith(...claims: readonly ('etag' | 'ttl' | Claim)[]): void {
    beforeEach(({ skip }) => {
      const missing = claims.filter((claim) =>
        claim === 'etag' || claim === 'ttl' ? !this.store.features.includes(claim) : this.store[claim] === undefined,
      );
      skip(missing.length > 0, `the store does not claim ${missing.join(', ')}`);
    });
  }

  /** An optional method, for cases under {@link onlyWith}. */
  method<M extends Claim>(name: M, store = this.store): NonNullable<StateStore[M]> {
    const method = store[name];
    if (method === undefined) throw new Error(`the store has no ${name}`);
    return method.bind(store) as NonNullable<StateStore[M]>;
  }

  get(key: string, store = this.store): Promise<StateItem | undefined> {
    return store.get({ key }, this.signal);
  }

  /** The value as text; `undefined` when there is no item. */
  async text(key: string, store = this.store): Promise<string | undefined> {
    const item = await this.get(key, store);
    return item && Buffer.from(item.value).toString();
  }

  set(key: string, text: string, options: Partial<StateSetRequest> = {}, store = this.store): Promise<void> {
    return store.set({ key, value: Buffer.from(text), ...options }, this.signal);
  }

  delete(key: string, options: { readonly etag?: string } = {}): Promise<void> {
    return this.store.delete({ key, ...options }, this.signal);
  }

  /** The etag of what is there now. */
  async etag(key: string): Promise<string> {
    const etag = (await this.get(key))?.etag;
    if (etag === undefined) throw new Error(`"${key}" has no etag`);
    return etag;
  }
}

/** A key that no other case uses. */
export function freshKey(name = 'key'): string {
  return `conformance||${randomUUID()}-${name}`;
}

/** How etag conflicts look. */
export const etagMismatch = { code: 'etag-mismatch' };
