import {
  ComponentError,
  type Logger,
  type Message,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  silentLogger,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import { sizeOf, Subscriber } from './subscriber.ts';

const nobody: readonly Subscriber[] = [];

/** A topic bus inside one process. Every subscription gets every message; nothing outlives the process. */
export class InMemoryPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = ['subscribe-wildcards'];
  readonly #maxQueuedBytes: number;
  readonly #logger: Logger;
  readonly #byTopic = new Map<string, Subscriber[]>();
  readonly #byPrefix = new Map<string, Subscriber[]>();
  /** What subscriptions that ended had not handed over, for the next one on the same topic. */
  readonly #left = new Map<string, Set<Message>>();
  readonly #subscriptions = new Set<Subscriber>();
  #leftBytes = 0;
  #closed = false;

  constructor(maxQueuedBytes: number, logger: Logger = silentLogger) {
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#logger = logger;
  }

  async publish({ topic, data, contentType, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
    const subscribers = this.#subscribersOf(topic);
    if (subscribers.length === 0) return;

    const message: Message =
      contentType === undefined ? { topic, data, metadata } : { topic, data, contentType, metadata };
    const size = sizeOf(message);
    // all or none, so that a publish that is refused and repeated reaches nobody twice
    for (const subscriber of subscribers) {
      if (subscriber.queuedBytes > 0 && subscriber.queuedBytes + size > this.#maxQueuedBytes) {
        throw new ComponentError(
          'unavailable',
          `a subscriber of topic "${topic}" is too slow: ${subscriber.queuedBytes} bytes wait for it; publish again later, or raise maxQueuedBytes (${this.#maxQueuedBytes})`,
        );
      }
    }
    for (const subscriber of subscribers) subscriber.add(message);
  }

  async subscribe(request: SubscribeRequest, handler: MessageHandler, signal: AbortSignal): Promise<Subscription> {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
    const { topic, minConcurrency = 1 } = request;
    const [index, key] = topic.endsWith('*') ? [this.#byPrefix, topic.slice(0, -1)] : [this.#byTopic, topic];

    const subscriber = new Subscriber(handler, minConcurrency, (unhandled) => {
      this.#subscriptions.delete(subscriber);
      const rest = (index.get(key) ?? []).filter((other) => other !== subscriber);
      if (rest.length === 0) index.delete(key);
      else index.set(key, rest);
      this.#keep(topic, unhandled);
    });
    for (const message of this.#takeLeft(topic)) subscriber.add(message);
    index.set(key, [...(index.get(key) ?? []), subscriber]);
    this.#subscriptions.add(subscriber);
    return subscriber;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((subscriber) => subscriber[Symbol.asyncDispose]()));
    this.#left.clear();
  }

  #subscribersOf(topic: string): readonly Subscriber[] {
    const exact = this.#byTopic.get(topic) ?? nobody;
    if (this.#byPrefix.size === 0) return exact;
    const all = [...exact];
    for (const [prefix, subscribers] of this.#byPrefix) {
      if (topic.length > prefix.length && topic.startsWith(prefix)) all.push(...subscribers);
    }
    return all;
  }

  // for all topics together no more than one subscriber may have waiting, as nobody may ever come for it
  #keep(topic: string, messages: readonly Message[]): void {
    if (messages.length === 0 || this.#closed) return;
    // a set, because a message that two subscriptions leave behind is one message for whoever comes next
    const kept = this.#left.get(topic) ?? new Set();
    let lost = 0;
    for (const message of messages) {
      if (kept.has(message)) continue;
      const size = sizeOf(message);
      // what one subscriber leaves always fits
      if (this.#leftBytes > 0 && this.#leftBytes + size > this.#maxQueuedBytes) lost++;
      else {
        kept.add(message);
        this.#leftBytes += size;
      }
    }
    this.#left.set(topic, kept);
    if (lost > 0) {
      this.#logger.warn(
        `${lost} messages of topic "${topic}" are lost: nobody subscribes to it any more, and what is kept for the next subscriber has reached maxQueuedBytes (${this.#maxQueuedBytes})`,
      );
    }
  }

  #takeLeft(topic: string): Iterable<Message> {
    const left = this.#left.get(topic) ?? [];
    this.#left.delete(topic);
    for (const message of left) this.#leftBytes -= sizeOf(message);
    return left;
  }
}

function closed(): ComponentError {
  return new ComponentError('unavailable', 'this in-memory broker is closed');
}
