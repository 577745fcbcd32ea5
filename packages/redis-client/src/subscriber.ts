import type { Redis } from 'ioredis';
import { errorMessage, type Logger } from '@outrigger/core';
import { commandFailure } from './failure.ts';

/** Pause before another try when a connection that is back cannot be subscribed with, in milliseconds. */
const retryPause = 1000;

export interface SubscriberOptions {
  /**
   * How often the server is asked for a sign of life, in milliseconds, for one that is gone sends nothing, too; it has
   * `readTimeout` to answer. Default 10,000.
   */
  readonly heartbeat?: number;
}

export interface Listener {
  onMessage(channel: string, message: string): void;
  /** The connection was lost and is heard again; what was published in between is missed. */
  onReturn(): void;
}

/** What to hear: channels by name, or by a pattern of Redis (`news.*`). */
export interface Channels {
  readonly channels?: readonly string[];
  readonly patterns?: readonly string[];
}

/**
 * A connection that hears what is published, made by `connection.subscriber()`. After a lost connection it subscribes again by
 * itself.
 */
export class RedisSubscriber implements AsyncDisposable {
  readonly #connection: AsyncDisposable & { readonly address: string };
  readonly #client: Redis;
  readonly #logger: Logger;
  readonly #channels = new Map<string, Set<Listener>>();
  readonly #patterns = new Map<string, Set<Listener>>();
  readonly #heartbeat: NodeJS.Timeout;
  #retry: NodeJS.Timeout | undefined;
  #disposed = false;

  /** Takes the connection over. @internal */
  constructor(
    connection: AsyncDisposable & { readonly address: string },
    client: Redis,
    logger: Logger,
    { heartbeat = 10_000 }: SubscriberOptions,
  ) {
    this.#connection = connection;
    this.#client = client;
    this.#logger = logger;
    client.on('message', (channel, message) => tell(this.#channels.get(channel), channel, message));
    client.on('pmessage', (pattern, channel, message) => tell(this.#patterns.get(pattern), channel, message));
    client.on('ready', () => void this.#return());
    // an answer that does not come within `readTimeout` ends the connection, which then is made anew
    this.#heartbeat = setInterval(() => void client.ping().catch(() => {}), heartbeat);
    this.#heartbeat.unref();
  }

  /** Resolves once messages published from now on are heard. Rejects with `unavailable` while the server is away. */
  async listen({ channels = [], patterns = [] }: Channels, listener: Listener): Promise<AsyncDisposable> {
    for (const channel of channels) add(this.#channels, channel, listener);
    for (const pattern of patterns) add(this.#patterns, pattern, listener);
    const leave = async (): Promise<void> => {
      const left = channels.filter((channel) => remove(this.#channels, channel, listener));
      const leftPatterns = patterns.filter((pattern) => remove(this.#patterns, pattern, listener));
      // where nobody listens any more, the server need not send; while it is away it has forgotten us anyway
      if (this.#disposed || this.#client.status !== 'ready') return;
      await Promise.allSettled([
        left.length > 0 && this.#client.unsubscribe(...left),
        leftPatterns.length > 0 && this.#client.punsubscribe(...leftPatterns),
      ]);
    };
    try {
      await this.#subscribe(channels, patterns);
    } catch (error) {
      await leave();
      throw commandFailure(error, this.#connection.address);
    }
    return { [Symbol.asyncDispose]: leave };
  }

  /** Closes at once; nobody is told anything any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#retry);
    this.#channels.clear();
    this.#patterns.clear();
    await this.#connection[Symbol.asyncDispose]();
  }

  async #subscribe(channels: readonly string[], patterns: readonly string[]): Promise<void> {
    await Promise.all([
      channels.length > 0 && this.#client.subscribe(...channels),
      patterns.length > 0 && this.#client.psubscribe(...patterns),
    ]);
  }

  async #return(): Promise<void> {
    clearTimeout(this.#retry);
    const listeners = new Set([...this.#channels.values(), ...this.#patterns.values()].flatMap((set) => [...set]));
    try {
      await this.#subscribe([...this.#channels.keys()], [...this.#patterns.keys()]);
    } catch (error) {
      // when the connection is lost again, its return is the next try
      if (this.#disposed || this.#client.status !== 'ready') return;
      this.#logger.warn(`subscribing again at Redis at ${this.#connection.address} failed: ${errorMessage(error)}`);
      this.#retry = setTimeout(() => void this.#return(), retryPause);
      return;
    }
    for (const listener of listeners) listener.onReturn();
  }
}

function tell(listeners: ReadonlySet<Listener> | undefined, channel: string, message: string): void {
  for (const listener of listeners ?? []) listener.onMessage(channel, message);
}

function add(subscriptions: Map<string, Set<Listener>>, name: string, listener: Listener): void {
  const listeners = subscriptions.get(name);
  if (listeners === undefined) subscriptions.set(name, new Set([listener]));
  else listeners.add(listener);
}

/** Whether nobody listens there any more. */
function remove(subscriptions: Map<string, Set<Listener>>, name: string, listener: Listener): boolean {
  const listeners = subscriptions.get(name);
  listeners?.delete(listener);
  return listeners?.size === 0 && subscriptions.delete(name);
}
