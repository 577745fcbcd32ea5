import type { IncomingRecord } from './kafka-client.ts';

export interface WorkerSettings {
  /** The most records of one hand-over. */
  readonly batchSize: number;
  /** The longest that a hand-over waits to be full, in milliseconds. */
  readonly batchWaitMs: number;
  /** How many hand-overs run at a time. With 1 the order of the partition is kept whatever fails. */
  readonly concurrency: number;
  /** The pause before a record that failed is handed over again, in milliseconds. */
  readonly retryMs: number;
  /** From this many records waiting on, no more is fetched. */
  readonly bufferedRecords: number;
}

/** How far handling may run ahead of a record that takes long or fails, as a multiple of `bufferedRecords`: all of it comes again after a crash. */
const openFactor = 16;

/** Handles records; says for each whether it is done with. Never rejects. */
export type RecordHandler = (records: readonly IncomingRecord[], signal: AbortSignal) => Promise<readonly boolean[]>;

export interface WorkerParts extends WorkerSettings {
  /** The first offset to hand over. */
  readonly offset: bigint;
  readonly handle: RecordHandler;
  /** All records before this offset are done with. */
  readonly done: (offset: bigint) => void;
  /** Something has been handed over or settled: there may be room for more. */
  readonly moved: () => void;
}

interface Entry {
  readonly offset: bigint;
  /** Until it is done with. */
  record: IncomingRecord | undefined;
  state: 'waiting' | 'failed' | 'handed' | 'done';
}

/**
 * One partition: hands its records over in their order, keeps those that failed and hands them over again, and knows up to which
 * offset all are done with, which is what may be committed.
 */
export class PartitionWorker {
  readonly #parts: WorkerParts;
  readonly #abort = new AbortController();
  /** From `#head` on: from the first record that is not done with. */
  #entries: Entry[] = [];
  #head = 0;
  #next: bigint;
  #committable: bigint;
  #running = 0;
  #waiting = 0;
  #bytes = 0;
  #paused = false;
  #closed = false;
  /** How many of those waiting have failed before, and from when on they may be handed over again. */
  #failed = 0;
  #retryAt = 0;
  #fullAt = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #idle: (() => void)[] = [];

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#next = parts.offset;
    this.#committable = parts.offset;
  }

  /** The offset to read next. */
  get next(): bigint {
    return this.#next;
  }

  /** Everything before it is done with. */
  get committable(): bigint {
    return this.#committable;
  }

  /** Bytes of the records that are not done with. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it has few enough records, those that are done with behind one that is not among them. */
  get hasRoom(): boolean {
    const { bufferedRecords } = this.#parts;
    const open = this.#entries.length - this.#head;
    return !this.#paused && !this.#closed && this.#waiting < bufferedRecords && open < bufferedRecords * openFactor;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many hand-overs run. */
  get running(): number {
    return this.#running;
  }

  /** Takes fetched records; those it has had already are left out. From the last one to `next` there are none. */
  add(records: readonly IncomingRecord[], next: bigint): void {
    if (this.#closed) return;
    if (this.#waiting === 0) this.#fullAt = Date.now() + this.#parts.batchWaitMs;
    for (const record of records) {
      if (record.offset < this.#next) continue;
      this.#next = record.offset + 1n;
      this.#entries.push({ offset: record.offset, record, state: 'waiting' });
      this.#waiting++;
      this.#bytes += sizeOf(record);
    }
    if (next > this.#next) this.#next = next;
    if (this.#head === this.#entries.length && this.#next > this.#committable) {
      this.#committable = this.#next;
      this.#parts.done(this.#committable);
    }
    this.#run();
  }

  /** From now on nothing is handed over; what runs goes on. */
  pause(): void {
    this.#paused = true;
    clearTimeout(this.#timer);
  }

  resume(): void {
    if (this.#closed) return;
    this.#paused = false;
    this.#run();
  }

  /** Ends it: nothing is handed over any more, and what still runs changes nothing. `abort` tells the handlers so. */
  close({ abort }: { readonly abort: boolean }): void {
    this.pause();
    this.#closed = true;
    if (abort) this.#abort.abort();
  }

  /** Resolves once nothing runs. */
  settled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #run(): void {
    clearTimeout(this.#timer);
    const { batchSize, concurrency } = this.#parts;
    while (!this.#paused && this.#waiting > 0 && this.#running < concurrency) {
      const wait = this.#startAt() - Date.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#run(), wait);
        return;
      }
      void this.#hand(this.#take(batchSize));
    }
  }

  #startAt(): number {
    // one that failed has waited for others before
    if (this.#failed > 0) return this.#retryAt;
    return this.#waiting < this.#parts.batchSize ? this.#fullAt : 0;
  }

  #take(count: number): Entry[] {
    const batch: Entry[] = [];
    // those that failed go by themselves: a later one must not be done with before them
    const state = this.#failed > 0 ? 'failed' : 'waiting';
    for (let index = this.#head; index < this.#entries.length && batch.length < count; index++) {
      const entry = this.#entries[index];
      if (entry?.state !== state) continue;
      if (state === 'failed') this.#failed--;
      entry.state = 'handed';
      batch.push(entry);
    }
    this.#waiting -= batch.length;
    this.#fullAt = Date.now() + this.#parts.batchWaitMs;
    return batch;
  }

  async #hand(batch: readonly Entry[]): Promise<void> {
    this.#running++;
    const outcomes = await this.#parts.handle(
      batch.flatMap(({ record }) => record ?? []),
      this.#abort.signal,
    );
    this.#running--;
    if (!this.#closed) this.#settle(batch, outcomes);
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#run();
    this.#parts.moved();
  }

  #settle(batch: readonly Entry[], outcomes: readonly boolean[]): void {
    for (const [index, entry] of batch.entries()) {
      if (outcomes[index]) {
        entry.state = 'done';
        if (entry.record) this.#bytes -= sizeOf(entry.record);
        entry.record = undefined;
      } else {
        entry.state = 'failed';
        this.#failed++;
        this.#waiting++;
        this.#retryAt = Date.now() + this.#parts.retryMs;
      }
    }
    const before = this.#head;
    while (this.#entries[this.#head]?.state === 'done') this.#head++;
    if (this.#head === before) return;
    this.#committable = this.#entries[this.#head]?.offset ?? this.#next;
    if (this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    this.#parts.done(this.#committable);
  }
}

/** What a record weighs in memory, in bytes. */
function sizeOf({ key, value, headers }: IncomingRecord): number {
  let size = 200 + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, content] of headers) size += name.length + content.length;
  return size;
}
