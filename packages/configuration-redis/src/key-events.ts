import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import { isReplyError, type Listener, type RedisConnection, type RedisSubscriber } from '@outrigger/redis-client';

/** Events on keys: whether they are deleted or renamed, written as texts, expired, evicted. */
const needed = ['K', 'g', '$', 'x', 'e'];
const setting = 'notify-keyspace-events';

/** Told of keys that have changed, one way or another. */
export interface KeyListener {
  onKey(key: string): void;
  /** Events may have been missed. */
  onReturn(): void;
}

/** What the server tells of changed keys (keyspace notifications), over one connection for all who listen. */
export class KeyEvents implements AsyncDisposable {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #logger: Logger;
  readonly #ending = new AbortController();
  #subscriber: Promise<RedisSubscriber> | undefined;

  constructor(connection: RedisConnection, database: number, logger: Logger) {
    this.#connection = connection;
    this.#prefix = `__keyspace@${database}__:`;
    this.#logger = logger;
  }

  /** Resolves once changes made from now on are told. Without `keys`: those of every key. */
  async listen(keys: readonly string[] | undefined, listener: KeyListener): Promise<AsyncDisposable> {
    const subscriber = await this.#connected();
    await this.turnOn();
    const heard: Listener = {
      onMessage: (channel) => listener.onKey(channel.slice(this.#prefix.length)),
      onReturn: () => listener.onReturn(),
    };
    return keys === undefined
      ? subscriber.listen({ patterns: [`${this.#prefix}*`] }, heard)
      : subscriber.listen({ channels: keys.map((key) => this.#prefix + key) }, heard);
  }

  /**
   * Sees to it that the server sends events, for it forgets that when it restarts. Rejects with `unsupported` when they are off
   * and it refuses to turn them on; says so in the log when it does not even tell whether they are on.
   */
  async turnOn(): Promise<void> {
    const { address } = this.#connection;
    let flags: string;
    try {
      flags = await this.#flags();
    } catch (error) {
      if (!isReplyError(error)) throw error;
      this.#logger.warn(
        `Redis at ${address} does not tell whether it sends keyspace notifications (${errorMessage(error)}): ` +
          `if changes of configuration are not seen, set ${setting} to ${needed.join('')} there`,
      );
      return;
    }
    // `A` stands for all kinds of events
    const missing = needed.filter((flag) => !flags.includes(flag) && !(flag !== 'K' && flags.includes('A')));
    if (missing.length === 0) return;
    try {
      await this.#connection.send('CONFIG', ['SET', setting, flags + missing.join('')], this.#ending.signal);
    } catch (error) {
      if (!isReplyError(error)) throw error;
      throw new ComponentError(
        'unsupported',
        `Redis at ${address} sends no keyspace notifications and refuses to turn them on: set ${setting} to ${needed.join('')} there`,
        { cause: error },
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new ComponentError('unavailable', 'this configuration store is closed'));
    const subscriber = await this.#subscriber?.catch(() => undefined);
    await subscriber?.[Symbol.asyncDispose]();
  }

  async #flags(): Promise<string> {
    const reply = await this.#connection.send('CONFIG', ['GET', setting], this.#ending.signal);
    return Array.isArray(reply) ? String(reply[1] ?? '') : '';
  }

  /** The one connection, made when first asked for; a failure is not remembered. */
  #connected(): Promise<RedisSubscriber> {
    this.#ending.signal.throwIfAborted();
    if (this.#subscriber === undefined) {
      const connecting = this.#connection.subscriber(this.#ending.signal);
      this.#subscriber = connecting;
      connecting.catch(() => {
        this.#subscriber = undefined;
      });
    }
    return this.#subscriber;
  }
}
