import { randomUUID } from 'node:crypto';
import type { StateDeleteRequest, StateItem, StateOperation, StateSetRequest, StateStore } from '@outrigger/core';
import { expect } from 'vitest';
import { never, type OutageLimits, outageLimits } from '../within.ts';
import type { Claim, OptionalMethod } from './case.ts';
import type { CreateStateStore, StateStoreQuirks } from './quirks.ts';

const defaults = {
  isolated: false,
  ttlGranularityMs: 0,
  repeatsEtags: false,
  etagMakesItem: false,
  competitions: 1000,
};

/** With fewer, two winners may not show. */
const fewestCompetitions = 100;

type Quirks = StateStoreQuirks & Required<Pick<StateStoreQuirks, keyof typeof defaults | 'foreignEtag'>> & OutageLimits;

const features: readonly Claim[] = ['etag', 'ttl'];

/** The store under test and what most cases need of it. */
export class StateSubject implements AsyncDisposable {
  readonly create: CreateStateStore;
  readonly quirks: Quirks;
  readonly #stores: readonly StateStore[];

  private constructor(create: CreateStateStore, quirks: Quirks, stores: readonly StateStore[]) {
    this.create = create;
    this.quirks = quirks;
    this.#stores = stores;
  }

  static async open(create: CreateStateStore, given: StateStoreQuirks): Promise<StateSubject> {
    const quirks = { ...defaults, foreignEtag: randomUUID(), ...given, ...outageLimits(given) };
    if (!(quirks.competitions >= fewestCompetitions)) {
      throw new Error(`the quirk competitions is ${quirks.competitions}; it has to be ${fewestCompetitions} at least`);
    }
    const store = await create();
    return new StateSubject(create, quirks, quirks.isolated ? [store] : [store, await create()]);
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

  claims(claim: Claim): boolean {
    if (features.includes(claim)) return (this.store.features as readonly Claim[]).includes(claim);
    return this.store[claim as OptionalMethod] !== undefined;
  }

  /** An optional method, for cases that need it. */
  method<M extends OptionalMethod>(name: M, store = this.store): NonNullable<StateStore[M]> {
    const method = store[name];
    if (method === undefined) throw new Error(`the store has no ${name}`);
    return method.bind(store) as NonNullable<StateStore[M]>;
  }

  get(key: string, store = this.store): Promise<StateItem | undefined> {
    return store.get({ key }, never);
  }

  /** The value as text; `undefined` when there is no item. */
  async text(key: string, store = this.store): Promise<string | undefined> {
    return textOf(await this.get(key, store));
  }

  /** The values as texts, in the order of the keys. */
  texts(keys: readonly string[], store = this.store): Promise<(string | undefined)[]> {
    return Promise.all(keys.map((key) => this.text(key, store)));
  }

  set(key: string, text: string, options: Partial<StateSetRequest> = {}, store = this.store): Promise<void> {
    return store.set({ key, value: Buffer.from(text), ...options }, never);
  }

  delete(key: string, options: Partial<StateDeleteRequest> = {}, store = this.store): Promise<void> {
    return store.delete({ key, ...options }, never);
  }

  transact(operations: readonly StateOperation[], store = this.store): Promise<void> {
    return this.method('transact', store)(operations, {}, never);
  }

  /** The etag of what is there now. */
  async etag(key: string): Promise<string> {
    return etagOf(await this.get(key), key);
  }

  /** Keys that no other case uses and that one transaction takes. */
  keysTogether(count: number): string[] {
    const tag = this.store.transactsWithinOneShard ? `{${randomUUID()}}` : '';
    return Array.from({ length: count }, () => freshKey(`key${tag}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stores.map((store) => store[Symbol.asyncDispose]()));
  }
}

/** A key that no other case uses. */
export function freshKey(name = 'key'): string {
  return `conformance||${randomUUID()}-${name}`;
}

export function freshKeys(count: number): string[] {
  return Array.from({ length: count }, () => freshKey());
}

export function textOf(item: StateItem | undefined): string | undefined {
  return item && Buffer.from(item.value).toString();
}

export function etagOf(item: StateItem | undefined, key: string): string {
  if (item?.etag === undefined) throw new Error(`"${key}" has no etag`);
  return item.etag;
}

/** An operation of a transaction. */
export function setting(key: string, text: string, options: Partial<StateSetRequest> = {}): StateOperation {
  return { operation: 'set', key, value: Buffer.from(text), ...options };
}

/** An operation of a transaction. */
export function deleting(key: string, options: Partial<StateDeleteRequest> = {}): StateOperation {
  return { operation: 'delete', key, ...options };
}

/** How etag conflicts look. */
export const etagMismatch = { code: 'etag-mismatch' };

/** Which of the writers won, when that was exactly one and the others lost as they should. */
export function onlyWinner(results: readonly PromiseSettledResult<unknown>[]): number {
  const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
  expect(winners, 'writers that won').toHaveLength(1);
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(etagMismatch);
  return winners[0] ?? -1;
}
