import { type Cluster, Command, Redis } from 'ioredis';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import { createClient } from './client.ts';
import { commandFailure, connectFailure, isReplyError, replyFailure } from './failure.ts';
import type { RedisMetadata } from './fields.ts';
import { sendToNode } from './node-command.ts';
import { Outage } from './outage.ts';
import type { RedisScript } from './script.ts';
import { RedisSubscriber, type SubscriberOptions } from './subscriber.ts';

/** Byte arrays are sent as they are, texts as UTF-8. */
export type RedisArgument = string | number | Uint8Array;

/** As the server sent it; texts of any kind come as Buffers. */
export type RedisReply = Buffer | number | null | readonly RedisReply[];

export interface RedisContext {
  readonly logger: Logger;
  /** Covers the set-up only; once connected, disposing ends the connection. */
  readonly signal: AbortSignal;
}

/**
 * Connects with what {@link redisFields} parsed to, and resolves once the server answers. Rejects at the first failure, and
 * then leaves nothing behind: `unavailable` when the server cannot be reached, `invalid-argument` when it refuses the login or
 * the metadata contradicts itself; the message says how to mend it.
 */
export function connectRedis(metadata: RedisMetadata, context: RedisContext): Promise<RedisConnection> {
  return RedisConnection.connect(metadata, context);
}

/**
 * One multiplexed connection. While the server is away every command fails at once with `unavailable`, and the connection
 * comes back by itself. A command under way when the connection drops rejects with `unavailable` too: it may or may not have
 * been done, and is never sent twice.
 */
export class RedisConnection implements AsyncDisposable {
  /** How messages call the server: `localhost:6379`. */
  readonly address: string;
  readonly #client: Redis | Cluster;
  readonly #metadata: RedisMetadata;
  readonly #logger: Logger;
  readonly #blocking: boolean;
  readonly #outage: Outage;
  #corked: Redis['stream'] | undefined;
  #connected = false;
  #disposed = false;
  #lastError: Error | undefined;

  private constructor(metadata: RedisMetadata, logger: Logger, outage: Outage, block: number | undefined) {
    const readTimeout = metadata.readTimeout + (metadata.readTimeout > 0 ? (block ?? 0) : 0);
    const { client, address } = createClient(metadata, {
      readTimeout,
      mayReconnect: () => this.#connected && !this.#disposed,
    });
    this.#client = client;
    this.#metadata = metadata;
    this.#logger = logger;
    this.#blocking = block !== undefined;
    this.#outage = outage;
    this.address = address;
    this.#watch();
  }

  /** @internal use {@link connectRedis} */
  static async connect(
    metadata: RedisMetadata,
    { logger, signal }: RedisContext,
    outage: Outage = new Outage(),
    block?: number,
  ): Promise<RedisConnection> {
    signal.throwIfAborted();
    const connection = new RedisConnection(metadata, logger, outage, block);
    const client = connection.#client;
    const giveUp = () => connection.#disconnect();
    signal.addEventListener('abort', giveUp, { once: true });
    // the driver's own promise stays open when a cluster names no server that could be asked
    const ended = Promise.withResolvers<never>();
    client.once('end', () => ended.reject(new Error('Connection is closed.')));
    try {
      await Promise.race([client.connect(), ended.promise]);
      // the driver goes on with database 0 when SELECT fails, and only tells
      const refusal = connection.#lastError;
      if (refusal !== undefined && isReplyError(refusal)) throw refusal;
      signal.throwIfAborted();
      connection.#connected = true;
      connection.#lastError = undefined;
      return connection;
    } catch (error) {
      connection.#disconnect();
      signal.throwIfAborted();
      throw connectFailure(connection.#lastError ?? error, connection.address, metadata);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /**
   * A connection of its own with the same settings, for commands that block. Disposing it ends a blocked command at once.
   * @param block the longest that a command will block, in milliseconds; it is added to `readTimeout`
   */
  duplicate(block: number, signal: AbortSignal): Promise<RedisConnection> {
    return RedisConnection.connect(this.#metadata, { logger: this.#logger, signal }, this.#outage, block);
  }

  /** A connection of its own, with the same settings, that hears what is published. A cluster has none: `unsupported`. */
  async subscriber(signal: AbortSignal, options: SubscriberOptions = {}): Promise<RedisSubscriber> {
    if (!(this.#client instanceof Redis)) {
      throw new ComponentError('unsupported', 'listening to published messages is not supported in a cluster');
    }
    const connection = await this.duplicate(0, signal);
    return new RedisSubscriber(connection, connection.#client as Redis, this.#logger, options);
  }

  /** Whether commands can be sent now. */
  get isReady(): boolean {
    const client = this.#client;
    if (client.status !== 'ready' || this.#disposed) return false;
    return !(client instanceof Redis) || client.stream.writable;
  }

  /** Throws `unavailable` while commands cannot be sent. */
  assertReady(): void {
    if (!this.isReady) throw this.#away();
  }

  /** Resolves when commands can be sent: at once, or when the connection is back. Rejects when disposed. */
  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.isReady) return;
    if (this.#disposed) throw this.#away();
    const client = this.#client;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason as Error);
    const end = () => reject(this.#away());
    signal.addEventListener('abort', abort, { once: true });
    client.once('ready', resolve).once('end', end);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      client.off('ready', resolve).off('end', end);
    }
  }

  /**
   * Sends one command and resolves to the reply. What is sent within one turn of the event loop goes out in one write. When
   * the signal aborts it rejects at once with the signal's reason; the server may still do the work.
   */
  async send(name: Uppercase<string>, args: readonly RedisArgument[], signal?: AbortSignal): Promise<RedisReply> {
    signal?.throwIfAborted();
    this.assertReady();
    const command = new Command(name, args.map(wireArgument), { replyEncoding: null });
    this.#cork();
    return this.#reply(command, this.#client, signal);
  }

  async #reply(command: Command, client: Redis | Cluster, signal: AbortSignal | undefined): Promise<RedisReply> {
    try {
      const reply = this.#transmit(command, client, signal);
      return await (signal === undefined ? reply : untilAborted(reply, signal));
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw commandFailure(isReplyError(error) ? error : (this.#lastError ?? error), this.address);
    }
  }

  #transmit(command: Command, client: Redis | Cluster, signal: AbortSignal | undefined): Promise<RedisReply> {
    if (!(client instanceof Redis)) return sendToNode(client, command, this.#metadata.dialTimeout, signal);
    client.sendCommand(command);
    return command.promise as Promise<RedisReply>;
  }

  /** What an error reply means that came inside another reply, such as what a script was answered. */
  failureOf(reply: string): ComponentError {
    return replyFailure(reply, this.address);
  }

  /** Runs a script in one round trip; a server that has forgotten it (restart, SCRIPT FLUSH) is sent the source. */
  async run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    signal?: AbortSignal,
  ): Promise<RedisReply> {
    try {
      return await this.send('EVALSHA', [script.sha1, keys.length, ...keys, ...args], signal);
    } catch (error) {
      if (!isReplyError(error, 'NOSCRIPT')) throw error;
      return this.send('EVAL', [script.source, keys.length, ...keys, ...args], signal);
    }
  }

  /**
   * One step of SCAN over all keys, of every master in a cluster. `cursor` is `0` at the start and what the last step gave after
   * that; it is `0` again at the end. The guarantees are those of SCAN: what is there throughout is given at least once.
   */
  async scan(
    cursor: string,
    match: string,
    count: number,
    signal?: AbortSignal,
  ): Promise<{ cursor: string; keys: string[] }> {
    signal?.throwIfAborted();
    this.assertReady();
    const [, position = '', server = '0'] = /^(\d+)(?:@(\d+))?$/.exec(cursor) ?? [];
    if (position === '') throw new ComponentError('invalid-argument', 'this is not a cursor that a scan has given');
    const servers = this.#client instanceof Redis ? [this.#client] : sortedMasters(this.#client);
    const index = Number(server);
    const client = servers[index];
    if (client === undefined) return { cursor: '0', keys: [] };
    const command = new Command('SCAN', [position, 'MATCH', match, 'COUNT', count], { replyEncoding: null });
    const [next, keys] = (await this.#reply(command, client, signal)) as [Buffer, Buffer[]];
    const more =
      next.toString() !== '0' ? `${next.toString()}@${index}` : index + 1 < servers.length ? `0@${index + 1}` : '0';
    return { cursor: more, keys: keys.map((key) => key.toString()) };
  }

  /** Waits for the replies that are due, then closes; a connection for blocking commands closes at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    const wasReady = this.isReady;
    this.#disposed = true;
    this.#outage.ends(this);
    try {
      if (wasReady && !this.#blocking) await this.#client.quit();
    } catch (error) {
      this.#logger.debug(`Redis at ${this.address} went away while closing: ${errorMessage(error)}`);
    } finally {
      this.#disconnect();
    }
  }

  // the driver starts a timer of two seconds when it is told to disconnect what has already ended
  #disconnect(): void {
    if (this.#client.status !== 'end') this.#client.disconnect();
  }

  #away(): ComponentError {
    if (this.#disposed)
      return new ComponentError('unavailable', `the connection to Redis at ${this.address} is closed`);
    const reason = this.#lastError === undefined ? '' : `: ${errorMessage(this.#lastError)}`;
    return new ComponentError('unavailable', `Redis at ${this.address} is not reachable now${reason}`);
  }

  #watch(): void {
    this.#client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    this.#client.on('close', () => {
      if (!this.#connected || this.#disposed || !this.#outage.begins(this)) return;
      const reason = this.#lastError === undefined ? '' : ` (${errorMessage(this.#lastError)})`;
      this.#logger.warn(`lost the connection to Redis at ${this.address}${reason}; reconnecting`);
    });
    this.#client.on('ready', () => {
      if (this.#connected) this.#lastError = undefined;
      if (this.#outage.ends(this)) this.#logger.info(`connected to Redis at ${this.address} again`);
    });
  }

  // One write for all commands of a turn; in a cluster each node's connection writes for itself.
  #cork(): void {
    if (!(this.#client instanceof Redis)) return;
    const { stream } = this.#client;
    if (stream === this.#corked) return;
    this.#corked = stream;
    stream.cork();
    setImmediate(this.#uncork);
  }

  readonly #uncork = (): void => {
    this.#corked?.uncork();
    this.#corked = undefined;
  };
}

/** The masters of a cluster in an order that does not change while none comes or goes. */
function sortedMasters(cluster: Cluster): Redis[] {
  const address = ({ options: { host = '', port = 0 } }: Redis) => `${host}:${port}`;
  return cluster.nodes('master').toSorted((a, b) => (address(a) < address(b) ? -1 : 1));
}

function wireArgument(argument: RedisArgument): string | Buffer {
  if (typeof argument === 'string') return argument;
  if (typeof argument === 'number') return String(argument);
  return Buffer.isBuffer(argument) ? argument : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: result, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  return result;
}
