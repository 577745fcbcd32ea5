import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import type { Pool, PoolClient, QueryArrayResult } from 'pg';
import { endsSession, failure, sqlState } from './failure.ts';
import type { PostgresSettings } from './settings.ts';
import type { Tls } from './tls.ts';

/** SQL with `$1`, `$2`, … in place of its values. */
export interface Statement {
  /** Of the prepared statement; absent: it is not prepared. */
  readonly name?: string;
  readonly text: string;
}

export type Run = (statement: Statement, values?: unknown[]) => Promise<QueryArrayResult>;

/**
 * Connections to one database. Every call rejects at once when its signal aborts, and after the timeout of the settings; the
 * connection it used is then closed and the server told to stop. Nothing is sent twice. Disposal waits for the calls under way.
 */
export class PostgresPool implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #settings: PostgresSettings;
  readonly #logger: Logger;
  readonly #generations = new WeakMap<PoolClient, number>();
  // a connection of an earlier one may hang as the one did that ended it
  #generation = 0;
  #open = 0;
  #whenIdle: (() => void) | undefined;
  #isClosed = false;
  #isOut = false;

  private constructor(pool: Pool, settings: PostgresSettings, logger: Logger) {
    this.#pool = pool;
    this.#settings = settings;
    this.#logger = logger;
    pool.on('connect', (client) => {
      this.#generations.set(client, this.#generation);
      // its calls are told; without a listener it would end the process
      client.on('error', () => undefined);
    });
    pool.on('error', (error) => logger.debug(`a connection to PostgreSQL was lost: ${errorMessage(error)}`));
  }

  /** Resolves when one connection stands. Rejects with a ComponentError that names what to mend. */
  static async open(settings: PostgresSettings, logger: Logger, signal: AbortSignal): Promise<PostgresPool> {
    const { Pool } = await import('pg');
    const attempt = async ([tls = false, ...others]: readonly Tls[]): Promise<PostgresPool> => {
      const pool = new PostgresPool(new Pool({ ...settings.pool, ssl: tls }), settings, logger);
      try {
        await pool.query({ text: 'SELECT 1' }, [], signal);
        return pool;
      } catch (error) {
        await pool[Symbol.asyncDispose]();
        const isRefused = ComponentError.is(error) && error.code === 'invalid-argument';
        if (!isRefused || others.length === 0) throw error;
        // when no way is left, what the first was told says more
        return await attempt(others).catch((last: unknown) => {
          throw sqlState((last as Error).cause) === undefined ? error : last;
        });
      }
    };
    return attempt(settings.tls);
  }

  /** Runs one statement, in one round trip. Rows are lists of values. */
  query(statement: Statement, values: unknown[], signal: AbortSignal): Promise<QueryArrayResult> {
    return this.#call((client) => send(client, statement, values), signal);
  }

  /**
   * Runs `work` in a transaction, which is committed when it resolves and rolled back when it rejects. Statements that it gives
   * at once travel together; it settles when all of them have.
   */
  transaction<T>(work: (run: Run) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#call(async (client) => {
      // awaited: what goes out after a BEGIN that was refused would be done piece by piece
      await send(client, { text: 'BEGIN' });
      try {
        const result = await work((statement, values) => send(client, statement, values));
        const { command } = await send(client, { text: 'COMMIT' });
        if (command !== 'COMMIT') throw new ComponentError('internal', `PostgreSQL answered COMMIT with ${command}`);
        return result;
      } catch (error) {
        if (!endsSession(error)) await send(client, { text: 'ROLLBACK' });
        throw error;
      }
    }, signal);
  }

  /** Rejects when nothing can be tried: after disposal, or when the signal has aborted. */
  assertOpen(signal: AbortSignal): void {
    if (this.#isClosed) throw new ComponentError('unavailable', 'the state store on PostgreSQL is closed');
    signal.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await this.#pool.end();
  }

  async #call<T>(work: (client: PoolClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    this.assertOpen(signal);
    this.#open++;
    try {
      const result = await this.#supervised(await this.#connection(signal), work, signal);
      if (this.#isOut) this.#noteBack();
      return result;
    } catch (error) {
      if (signal.aborted && error === signal.reason) throw error;
      const told = failure(error, this.#settings.address);
      if (endsSession(error)) this.#noteOut(told);
      throw told;
    } finally {
      if (--this.#open === 0) this.#whenIdle?.();
    }
  }

  async #connection(signal: AbortSignal): Promise<PoolClient> {
    for (;;) {
      const client = await this.#checkOut(signal);
      if (this.#generations.get(client) === this.#generation) return client;
      client.release(true);
    }
  }

  #checkOut(signal: AbortSignal): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#pool.connect().then(
        (client) => {
          signal.removeEventListener('abort', onAbort);
          if (signal.aborted) client.release();
          else resolve(client);
        },
        (error: Error) => {
          signal.removeEventListener('abort', onAbort);
          // the words of the library for one that waited for a place in the pool
          reject(error.message === 'timeout exceeded when trying to connect' ? this.#full() : error);
        },
      );
    });
  }

  #full(): ComponentError {
    const { max, connectionTimeoutMillis = 0 } = this.#settings.pool;
    const message = `PostgreSQL at ${this.#settings.address}: none of the ${max} connections of the pool became free within ${connectionTimeoutMillis / 1000} s: raise maxConns`;
    return new ComponentError('unavailable', message);
  }

  /** Runs `work` on a connection and gives that back, or closes it when nobody knows what is still under way on it. */
  #supervised<T>(client: PoolClient, work: (client: PoolClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (release: boolean): boolean => {
        if (isOver) return false;
        isOver = true;
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        client.release(release);
        return true;
      };
      const giveUp = (error: Error) => {
        this.#cancel(client);
        over(true);
        streamOf(client).destroy();
        reject(error);
      };
      const onAbort = () => giveUp(signal.reason as Error);
      const timer = setTimeout(() => {
        this.#generation++;
        giveUp(this.#late());
      }, this.#settings.timeout);
      signal.addEventListener('abort', onAbort, { once: true });
      work(client).then(
        (result) => over(false) && resolve(result),
        (error: Error) => over(endsSession(error)) && reject(error),
      );
    });
  }

  #late(): ComponentError {
    const { address, timeout } = this.#settings;
    return new ComponentError(
      'deadline-exceeded',
      `PostgreSQL at ${address} did not answer within ${timeout / 1000} s`,
    );
  }

  /** Asks the server to stop what it does for a connection; whether it hears of it makes no difference to the caller. */
  #cancel(client: PoolClient): void {
    const { processID, secretKey } = client as unknown as { processID: number | null; secretKey: number | null };
    if (processID === null || secretKey === null) return;
    const request = Buffer.alloc(16);
    request.writeInt32BE(16, 0);
    request.writeInt32BE(80_877_102, 4);
    request.writeInt32BE(processID, 8);
    request.writeInt32BE(secretKey, 12);
    const { host = '', port = 0 } = this.#settings.pool;
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    socket.unref().setTimeout(5000, () => socket.destroy());
    socket.on('error', () => socket.destroy()).end(request);
  }

  #noteOut(error: ComponentError): void {
    if (this.#isOut || this.#isClosed) return;
    this.#isOut = true;
    this.#logger.warn(`PostgreSQL cannot be used: ${error.message}`);
  }

  #noteBack(): void {
    this.#isOut = false;
    this.#logger.info(`PostgreSQL at ${this.#settings.address} is back`);
  }
}

function send(client: PoolClient, statement: Statement, values?: unknown[]): Promise<QueryArrayResult> {
  return client.query({ ...statement, ...(values === undefined ? {} : { values }), rowMode: 'array' });
}

function streamOf(client: PoolClient): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream;
}
