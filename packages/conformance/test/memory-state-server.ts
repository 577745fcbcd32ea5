import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, type StateDeleteRequest, type StateItem, type StateSetRequest } from '@outrigger/core';

/** Ways to break the contract, each as a careless store might. */
export type StateFault =
  | 'lets the last of two writers win whatever their etags'
  | 'compares an etag and writes in two steps'
  | 'stops in the middle of a transaction'
  | 'keeps for ever what has a time to live'
  | 'lists what has expired'
  | 'repeats a key on the next page'
  | 'gives a token after the last page'
  | 'answers bulk calls out of order'
  | 'keeps values as UTF-8'
  | 'takes values that are too large for it'
  | 'takes composed and decomposed letters for one'
  | 'folds the case of keys'
  | 'answers before it stores'
  | 'has a method for what it cannot do'
  | 'shows etags that it does not claim'
  | 'ignores first-write where it does not claim etags'
  | 'ignores a time to live that it does not claim'
  | 'ignores the signal'
  | 'hangs when it is closed under load'
  | 'serves after it was closed'
  | 'forgets what was under way when it is closed'
  | 'takes a text of a query for a pattern'
  | 'takes any token of a query'
  | 'shows its password'
  | 'waits for its server for ever'
  | 'finds nothing while its server is down'
  | 'calls its own outage a wrong request'
  | 'stays down after an outage';

export const maxValueBytes = 2 * 1024 * 1024;

interface Item extends StateItem {
  readonly etag: string;
}

/** What outlives the stores that use it. */
export class MemoryStateServer {
  readonly faults: ReadonlySet<StateFault>;
  /** Counts the deaths. */
  deaths = 0;
  #up = Promise.withResolvers<void>();
  #isUp = true;
  readonly #items = new Map<string, Item>();
  #unsynced: (() => void)[] = [];

  constructor(...faults: StateFault[]) {
    this.faults = new Set(faults);
    this.#up.resolve();
  }

  async kill(): Promise<void> {
    this.#isUp = false;
    this.deaths++;
    this.#up = Promise.withResolvers();
    this.#unsynced = [];
  }

  async start(): Promise<void> {
    this.#isUp = true;
    this.#up.resolve();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Resolves once it runs. */
  get running(): Promise<void> {
    return this.#up.promise;
  }

  /** Every live item; with one of the faults, every item. */
  entries(): [string, Item][] {
    const isListed = ([, item]: [string, Item]) => this.faults.has('lists what has expired') || !isGone(item);
    return [...this.#items].filter(isListed).toSorted(([one], [other]) => (one < other ? -1 : 1));
  }

  get(key: string): Item | undefined {
    const item = this.#items.get(this.#keyOf(key));
    return item === undefined || isGone(item) ? undefined : item;
  }

  async set(request: StateSetRequest): Promise<void> {
    if (this.faults.has('answers before it stores')) {
      this.#compare(request);
      this.#unsynced.push(() => this.#put(request));
      void delay(50).then(() => this.#sync());
      return;
    }
    if (request.etag === undefined || !this.faults.has('compares an etag and writes in two steps'))
      return this.setNow(request);
    this.#compare(request);
    await delay(1);
    this.#put(request);
  }

  setNow(request: StateSetRequest): void {
    this.#compare(request);
    this.#put(request);
  }

  delete(request: StateDeleteRequest): void {
    if (request.etag !== undefined) this.#compare(request);
    this.#items.delete(this.#keyOf(request.key));
  }

  /** Undoes what `work` did when it fails. */
  allOrNothing(work: () => void): void {
    const before = new Map(this.#items);
    try {
      work();
    } catch (error) {
      this.#items.clear();
      for (const [key, item] of before) this.#items.set(key, item);
      throw error;
    }
  }

  #sync(): void {
    for (const write of this.#unsynced.splice(0)) write();
  }

  #keyOf(key: string): string {
    if (this.faults.has('takes composed and decomposed letters for one')) return key.normalize('NFC');
    return this.faults.has('folds the case of keys') ? key.toLowerCase() : key;
  }

  #compare({ key, etag, concurrency }: StateSetRequest | StateDeleteRequest): void {
    if (this.faults.has('lets the last of two writers win whatever their etags')) return;
    if (etag === undefined && concurrency !== 'first-write') return;
    if (this.get(key)?.etag !== etag) throw new ComponentError('etag-mismatch', `"${key}" is not as it was`);
  }

  #put({ key, value, ttlInSeconds = -1 }: StateSetRequest): void {
    if (value.length > maxValueBytes && !this.faults.has('takes values that are too large for it')) {
      throw new ComponentError('invalid-argument', `the value of "${key}" has more than ${maxValueBytes} bytes`);
    }
    const lives = ttlInSeconds > 0 && !this.faults.has('keeps for ever what has a time to live');
    this.#items.set(this.#keyOf(key), {
      value: this.faults.has('keeps values as UTF-8')
        ? Buffer.from(Buffer.from(value).toString())
        : new Uint8Array(value),
      etag: crypto.randomUUID(),
      ...(lives && { expiresAt: new Date(Date.now() + ttlInSeconds * 1000) }),
    });
  }
}

function isGone({ expiresAt }: StateItem): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= Date.now();
}
