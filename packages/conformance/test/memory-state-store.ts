import {
  type BulkOutcome,
  ComponentError,
  type KeysLikeRequest,
  likeMatcher,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateFeature,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateQuery,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import { answerQuery } from './memory-query.ts';
import type { MemoryStateServer, StateFault } from './memory-state-server.ts';

export const password = 'hunter2-and-more';

/** A store that can do everything, and breaks the contract as its server says. */
export class MemoryStateStore implements StateStore {
  readonly features: readonly StateFeature[];
  readonly password?: string;
  readonly #server: MemoryStateServer;
  readonly #sinceDeaths: number;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(server: MemoryStateServer, features: readonly StateFeature[] = ['etag', 'ttl']) {
    this.features = features;
    this.#server = server;
    this.#sinceDeaths = server.deaths;
    if (this.#has('shows its password')) this.password = password;
  }

  get({ key }: StateGetRequest, signal: AbortSignal): Promise<StateItem | undefined> {
    return this.#call(signal, async () => this.#shown(this.#server.get(key)));
  }

  set(request: StateSetRequest, signal: AbortSignal): Promise<void> {
    return this.#call(signal, () => this.#write(request));
  }

  delete(request: StateDeleteRequest, signal: AbortSignal): Promise<void> {
    return this.#call(signal, async () => this.#remove(request));
  }

  getMany(requests: readonly StateGetRequest[], signal: AbortSignal): Promise<BulkOutcome<StateItem | undefined>[]> {
    return this.#many(requests, signal, async ({ key }) => this.#shown(this.#server.get(key)));
  }

  setMany(requests: readonly StateSetRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#many(requests, signal, (request) => this.#write(request));
  }

  deleteMany(requests: readonly StateDeleteRequest[], signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#many(requests, signal, async (request) => this.#remove(request));
  }

  transact(operations: readonly StateOperation[], _: RequestMetadata, signal: AbortSignal): Promise<void> {
    const work = () => {
      for (const operation of operations) this.#check(operation);
      for (const operation of operations) {
        if (operation.operation === 'set') this.#server.setNow(operation);
        else this.#server.delete(operation);
      }
    };
    const isCareless = this.#has('stops in the middle of a transaction');
    return this.#call(signal, async () => (isCareless ? work() : this.#server.allOrNothing(work)));
  }

  query(query: StateQuery, _: RequestMetadata, signal: AbortSignal) {
    const entries = () => this.#server.entries().map(([key, item]) => ({ key, ...this.#shown(item) }) as never);
    return this.#call(signal, async () =>
      answerQuery(entries(), query, {
        asPattern: this.#has('takes a text of a query for a pattern'),
        anyToken: this.#has('takes any token of a query'),
      }),
    );
  }

  keysLike({ pattern, pageSize, continuationToken = '' }: KeysLikeRequest, signal: AbortSignal) {
    return this.#call(signal, async () => {
      const matches = likeMatcher(pattern);
      const repeats = this.#has('repeats a key on the next page') && continuationToken !== '';
      const all = this.#server.entries().flatMap(([key]) => (matches(key) ? [key] : []));
      const rest = all.filter((key) => (repeats ? key >= continuationToken : key > continuationToken));
      const keys = rest.slice(0, pageSize);
      const isLast = this.#has('gives a token after the last page') ? keys.length === 0 : keys.length === rest.length;
      return isLast || pageSize === undefined ? { keys } : { keys, continuationToken: keys.at(-1) ?? '' };
    });
  }

  deleteWithPrefix(prefix: string, signal: AbortSignal): Promise<number> {
    return this.#call(signal, async () => {
      if (this.#has('has a method for what it cannot do')) throw new ComponentError('unsupported', 'it cannot do that');
      const start = prefix.endsWith('||') ? prefix : `${prefix}||`;
      if (start === '||') throw new ComponentError('invalid-argument', 'a prefix is required');
      const children = this.#server
        .entries()
        .filter(([key]) => key.startsWith(start) && !key.includes('||', start.length));
      for (const [key] of children) this.#server.delete({ key });
      return children.length;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#has('hangs when it is closed under load') && this.#underWay.size > 0) await new Promise(() => {});
    this.#closed = true;
    if (this.#has('forgets what was under way when it is closed')) return;
    await Promise.allSettled(this.#underWay);
  }

  #has(fault: StateFault): boolean {
    return this.#server.faults.has(fault);
  }

  async #call<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (!this.#has('ignores the signal')) signal.throwIfAborted();
    if (this.#closed && !this.#has('serves after it was closed')) {
      throw new ComponentError('unavailable', 'the store is closed');
    }
    if (this.#has('waits for its server for ever')) await this.#server.running;
    if (!this.#server.isUp && this.#has('finds nothing while its server is down')) return undefined as T;
    const outage = this.#has('calls its own outage a wrong request') ? 'invalid-argument' : 'unavailable';
    const isLost = this.#has('stays down after an outage') && this.#server.deaths > this.#sinceDeaths;
    if (!this.#server.isUp || isLost) throw new ComponentError(outage, 'the server is down');
    if (this.#has('forgets what was under way when it is closed')) {
      void new Promise((resolve) => setImmediate(resolve)).then(() => (this.#closed ? undefined : work()));
      return undefined as T;
    }
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }

  #many<R, T>(
    requests: readonly R[],
    signal: AbortSignal,
    work: (request: R) => Promise<T>,
  ): Promise<BulkOutcome<T>[]> {
    return this.#call(signal, async () => {
      const outcomes = await Promise.all(
        requests.map((request) =>
          work(request).then(
            (value) => ({ ok: true as const, value }),
            (error: unknown) => ({ ok: false as const, error }),
          ),
        ),
      );
      return this.#has('answers bulk calls out of order') ? outcomes.toReversed() : outcomes;
    });
  }

  async #write(request: StateSetRequest): Promise<void> {
    this.#check(request);
    await this.#server.set(request);
  }

  #remove(request: StateDeleteRequest): void {
    this.#check(request);
    this.#server.delete(request);
  }

  /** Refuses what it does not claim. */
  #check(request: StateSetRequest | StateDeleteRequest): void {
    const guarded = request.etag !== undefined || request.concurrency === 'first-write';
    if (guarded && !this.#can('etag', 'ignores first-write where it does not claim etags')) {
      throw new ComponentError('unsupported', 'this store has no etags');
    }
    const expires = 'ttlInSeconds' in request && (request.ttlInSeconds ?? -1) > 0;
    if (expires && !this.#can('ttl', 'ignores a time to live that it does not claim')) {
      throw new ComponentError('unsupported', 'this store has no time to live');
    }
  }

  #can(feature: StateFeature, careless: StateFault): boolean {
    return this.features.includes(feature) || this.#has(careless);
  }

  #shown(item: StateItem | undefined): StateItem | undefined {
    if (item === undefined || this.features.includes('etag') || this.#has('shows etags that it does not claim'))
      return item;
    const { etag: _, ...rest } = item;
    return rest;
  }
}
