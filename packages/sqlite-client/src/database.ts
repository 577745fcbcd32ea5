import { setTimeout as sleep } from 'node:timers/promises';
import { ComponentError } from '@outrigger/core';
import type { DriverDatabase, Statement } from './driver.ts';
import { isBusy, statementFailure } from './failure.ts';

export interface DatabaseOptions {
  /** How messages call it. */
  readonly name: string;
  /** Milliseconds to wait for the lock of another process. */
  readonly busyTimeout: number;
}

interface Write {
  readonly work: () => unknown;
  readonly signal: AbortSignal;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

const writesPerTransaction = 256;

/**
 * One connection to one database, for one thread. Statements are synchronous and short; waiting for the lock of another
 * process never blocks the event loop: the work is tried again, with pauses, until `busyTimeout` has passed, and then rejects
 * with `unavailable`.
 */
export class SqliteDatabase implements AsyncDisposable {
  /** How messages call it: the quoted path of the file, or `in memory`. */
  readonly name: string;
  readonly #driver: DriverDatabase;
  readonly #busyTimeout: number;
  readonly #statements = new Map<string, Statement>();
  readonly #closing = new AbortController();
  #writes: Write[] = [];
  #writing: Promise<void> | undefined;

  constructor(driver: DriverDatabase, { name, busyTimeout }: DatabaseOptions) {
    this.#driver = driver;
    this.name = name;
    this.#busyTimeout = busyTimeout;
  }

  /**
   * The prepared statement for this text, made on first use and kept: texts must come from a fixed set. Throws what {@link read}
   * rejects with, except that the file is busy, which `read` and `immediateTransaction` deal with.
   */
  statement(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #prepare(sql: string): Statement {
    if (!this.#driver.isOpen) throw this.#closed();
    try {
      return this.#driver.prepare(sql);
    } catch (error) {
      throw isBusy(error) ? error : statementFailure(error, this.name);
    }
  }

  /** Runs statements that give no rows and take no parameters: schema and pragmas. Throws as the driver does. */
  execute(sql: string): void {
    this.#driver.exec(sql);
  }

  /** Runs `work`, synchronous and free of writes, again while the database is busy; it may thus run more than once. */
  async read<T>(work: () => T, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    this.#refuseClosed();
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw statementFailure(error, this.name);
    }
    return this.#whileBusy(work, signal);
  }

  /**
   * Runs `work`, synchronous, in a transaction that holds the write lock from its start, and resolves once it is committed.
   * All of its changes stay, or none when it throws. Works handed in within one turn of the event loop share a transaction,
   * each standing for itself. It may run more than once (never committed more than once), so it must have no effects
   * outside the database.
   */
  immediateTransaction<T>(work: () => T, signal: AbortSignal): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#closing.signal.aborted) return Promise.reject(this.#closed());
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const since = performance.now();
    this.#writes.push({ work, signal, resolve: resolve as (value: unknown) => void, reject, since });
    this.#writing ??= this.#drain();
    return promise;
  }

  /** Waits for the writes that were handed in, then closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(this.#closed());
    await this.#writing;
    this.#statements.clear();
    if (this.#driver.isOpen) this.#driver.close();
  }

  async #drain(): Promise<void> {
    await nextTurn();
    let attempts = 0;
    while (this.#writes.length > 0) {
      const group = withoutAborted(this.#writes.splice(0, writesPerTransaction));
      const busy = this.#commit(group);
      attempts = busy === undefined ? 0 : attempts + 1;
      if (busy === undefined) {
        if (this.#writes.length > 0) await nextTurn();
        continue;
      }
      this.#writes.unshift(...group);
      await sleep(pause(attempts));
      // also those that came in the meantime, as each waits for itself
      this.#writes = withoutAborted(this.#writes).filter(({ since, reject }) => {
        const giveUp = this.#tired(since, busy);
        if (giveUp !== undefined) reject(giveUp);
        return giveUp === undefined;
      });
    }
    this.#writing = undefined;
  }

  /** Settles them and takes them out of the group; what is left is to be tried again because of the error that it gives. */
  #commit(group: Write[]): unknown {
    if (group.length === 0) return undefined;
    try {
      const outcomes = this.#attempt(group);
      group.splice(0).forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index];
        if (outcome?.ok) resolve(outcome.value);
        else reject(statementFailure(outcome?.error, this.name));
      });
    } catch (error) {
      if (isBusy(error)) return error;
      if (group.length > 1) return this.#commitEach(group);
      for (const { reject } of group.splice(0)) reject(statementFailure(error, this.name));
    }
    return undefined;
  }

  // one of them ended the transaction for all, as when the disk is full: the others, which may even make room, stand alone
  #commitEach(group: Write[]): unknown {
    while (group.length > 0) {
      const alone = group.slice(0, 1);
      const busy = this.#commit(alone);
      if (busy !== undefined) return busy;
      group.shift();
    }
    return undefined;
  }

  /** One transaction. Throws when it as a whole came to nothing; a single work that threw is an outcome. */
  #attempt(group: readonly Write[]): Outcome[] {
    this.statement('BEGIN IMMEDIATE').run();
    try {
      const outcomes =
        group.length === 1 ? group.map(({ work }) => attempt(work)) : group.map(({ work }) => this.#guarded(work));
      // SQLite itself has ended the transaction where the disk is full or broken
      if (outcomes.every(({ ok }) => !ok)) this.#rollBack();
      else this.statement('COMMIT').run();
      return outcomes;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    if (this.#driver.isTransaction) this.statement('ROLLBACK').run();
  }

  #guarded(work: () => unknown): Outcome {
    this.statement('SAVEPOINT work').run();
    const outcome = attempt(work);
    if (!outcome.ok && !this.#driver.isTransaction) throw outcome.error;
    if (!outcome.ok) this.statement('ROLLBACK TO work').run();
    this.statement('RELEASE work').run();
    return outcome;
  }

  async #whileBusy<T>(work: () => T, signal: AbortSignal): Promise<T> {
    const started = performance.now();
    const either = AbortSignal.any([signal, this.#closing.signal]);
    for (let attempts = 0; ; attempts++) {
      await sleep(pause(attempts), undefined, { signal: either }).catch(() => either.throwIfAborted());
      try {
        return work();
      } catch (error) {
        const giveUp = isBusy(error) ? this.#tired(started, error) : statementFailure(error, this.name);
        if (giveUp !== undefined) throw giveUp;
      }
    }
  }

  #tired(started: number, cause: unknown): ComponentError | undefined {
    if (performance.now() - started < this.#busyTimeout) return undefined;
    const message = `SQLite database ${this.name} is locked by another process; waited ${this.#busyTimeout} ms (busyTimeout)`;
    return new ComponentError('unavailable', message, { cause });
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted) throw this.#closed();
  }

  #closed(): ComponentError {
    return new ComponentError('unavailable', `SQLite database ${this.name} is closed`);
  }
}

/** The writes that are still wanted; the others are answered, and must not happen. */
function withoutAborted(writes: readonly Write[]): Write[] {
  for (const { signal, reject } of writes) if (signal.aborted) reject(signal.reason);
  return writes.filter(({ signal }) => !signal.aborted);
}

function attempt(work: () => unknown): Outcome {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (isBusy(error)) throw error;
    return { ok: false, error };
  }
}

/** Milliseconds before the next try: short at first, spread so that waiting processes do not move in step. */
function pause(attempts: number): number {
  return Math.min(25, 1 + 2 * attempts) * (0.5 + Math.random() / 2);
}

function nextTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}
