import { ComponentError } from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';

const confirmationTimeout = 1000;

/**
 * Writes that are answered only after every replica of the server has them. They have a connection of their own, made when it is
 * first needed, because waiting for replicas holds up whatever else its connection carries.
 */
export class StrongWrites implements AsyncDisposable {
  readonly #main: RedisConnection;
  // the connection is for all: no single caller's signal may end the making of it
  readonly #closing = new AbortController();
  #own: Promise<RedisConnection> | undefined;

  constructor(main: RedisConnection) {
    this.#main = main;
  }

  /** Runs `write` on the connection it is given. Rejects with `deadline-exceeded` when replicas do not confirm within a second. */
  async run<T>(write: (connection: RedisConnection) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (!(await this.#hasReplicas(this.#main, signal))) return write(this.#main);
    const connection = await this.#connection();
    signal.throwIfAborted();
    const result = await write(connection);
    const replicas = await countReplicas(connection, signal);
    const confirmed = Number(await connection.send('WAIT', [replicas, confirmationTimeout], signal));
    if (confirmed >= replicas) return result;
    const message = `Redis at ${connection.address} has the write, but only ${confirmed} of ${replicas} replicas confirmed it`;
    throw new ComponentError('deadline-exceeded', `${message} within ${confirmationTimeout} ms`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new ComponentError('unavailable', `the connection to Redis at ${this.#main.address} is closed`),
    );
    const own = await this.#own?.catch(() => undefined);
    await own?.[Symbol.asyncDispose]();
  }

  async #hasReplicas(connection: RedisConnection, signal: AbortSignal): Promise<boolean> {
    return (await countReplicas(connection, signal)) > 0;
  }

  #connection(): Promise<RedisConnection> {
    this.#own ??= this.#main.duplicate(confirmationTimeout, this.#closing.signal).catch((error: unknown) => {
      this.#own = undefined;
      throw error;
    });
    return this.#own;
  }
}

async function countReplicas(connection: RedisConnection, signal: AbortSignal): Promise<number> {
  const info = String(await connection.send('INFO', ['replication'], signal));
  return Number(/^connected_slaves:(\d+)/m.exec(info)?.[1] ?? 0);
}
