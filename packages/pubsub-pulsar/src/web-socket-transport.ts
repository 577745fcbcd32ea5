import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import { Outage } from './outage.ts';
import { registerSchema } from './schema-registry.ts';
import { topicPath } from './topic-name.ts';
import type {
  Consumer,
  ConsumerOptions,
  OutgoingMessage,
  Producer,
  Receiver,
  TopicSchemaInfo,
  Transport,
} from './transport.ts';
import { WebSocketConsumer } from './web-socket-consumer.ts';
import { type LinkOptions, UpgradeRefused, WebSocketLink } from './web-socket-link.ts';
import { WebSocketProducer } from './web-socket-producer.ts';

export interface WebSocketTransportSettings extends LinkOptions {
  readonly tenant: string;
  readonly namespace: string;
  readonly batching: boolean;
  readonly batchingMaxMessages: number;
  readonly batchingMaxPublishDelayMs: number;
  readonly compressionType: 'none' | 'lz4' | 'zlib' | 'zstd';
}

const subscriptionTypes = { shared: 'Shared', exclusive: 'Exclusive', failover: 'Failover', key_shared: 'Key_Shared' };
/** Most that the server lets a consumer of its own fetch ahead. */
const longestQueue = 1000;
/** How long a consumer that has just left may still be in the way of an exclusive one. */
const leavingMs = 2000;

/** Pulsar's WebSocket API, a part of the broker or a server of its own. Every producer and consumer is a connection. */
export class WebSocketTransport implements Transport {
  readonly #settings: WebSocketTransportSettings;
  readonly #logger: Logger;
  readonly #outage: Outage;

  constructor(settings: WebSocketTransportSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#outage = new Outage(logger, settings.address);
  }

  // The server looks at the login before the parameters, and at those before it makes a topic: so the answer to a request that
  // is wrong on purpose shows that all before is right.
  async check(signal: AbortSignal): Promise<void> {
    const { tenant, namespace, address } = this.#settings;
    const path = `/ws/v2/producer/persistent/${encodeURIComponent(tenant)}/${encodeURIComponent(namespace)}/probe`;
    try {
      const link = await WebSocketLink.open(`${path}?messageRoutingMode=Probe`, this.#settings, signal);
      await link.close();
    } catch (error) {
      if (!(error instanceof UpgradeRefused)) throw error;
      if (error.status === 400 && error.reason.includes('messageRoutingMode')) return;
      // the login is right; which topics it may use shows when they are used
      if (error.status === 403) return;
      if (error.status === 404 || error.status === 400) {
        throw new ComponentError(
          'invalid-argument',
          `${address} has no WebSocket API of Pulsar: check host, and webSocketServiceEnabled=true in the broker's configuration`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  async openProducer(topic: string, schema: TopicSchemaInfo | undefined, signal: AbortSignal): Promise<Producer> {
    if (schema) await registerSchema(topic, schema, this.#settings, this.#logger, signal);
    const { batching, batchingMaxMessages, batchingMaxPublishDelayMs, compressionType } = this.#settings;
    const producer = (isBatching: boolean, maxPending?: number) => {
      const query = new URLSearchParams({ batchingEnabled: String(isBatching) });
      if (isBatching) {
        query.set('batchingMaxMessages', String(batchingMaxMessages));
        query.set('batchingMaxPublishDelay', String(Math.max(1, Math.round(batchingMaxPublishDelayMs))));
      }
      if (compressionType !== 'none') query.set('compressionType', compressionType.toUpperCase());
      const path = `/ws/v2/producer/${topicPath(topic)}?${query.toString()}`;
      return new WebSocketProducer((until) => WebSocketLink.open(path, this.#settings, until), maxPending);
    };
    const plain = producer(batching);
    // a batch reaches one consumer as a whole, so messages of several keys must not share one
    const keyed = batching ? producer(false) : plain;
    // a message that the server takes for too large costs the connection it comes on
    const large = producer(false, 1);
    return {
      send: (message, until) => {
        const chosen = isLarge(message) ? large : message.key === undefined ? plain : keyed;
        return chosen.send(message, until);
      },
      close: async () => void (await Promise.all([plain.close(), keyed.close(), large.close()])),
    };
  }

  async openConsumer(
    options: ConsumerOptions,
    _schema: TopicSchemaInfo | undefined,
    receiver: Receiver,
    signal: AbortSignal,
  ): Promise<Consumer> {
    const path = consumerPath(options);
    const connect = (until: AbortSignal) => WebSocketLink.open(path, this.#settings, until);
    const parts = { connect, receiver, outage: this.#outage, logger: this.#logger };
    for (const deadline = Date.now() + leavingMs; ;) {
      try {
        return await WebSocketConsumer.open(parts, signal);
      } catch (error) {
        const isInTheWay = error instanceof UpgradeRefused && error.status === 409 && error.code === 'unavailable';
        if (!isInTheWay || Date.now() > deadline) throw error;
        this.#logger.debug(`cannot subscribe yet: ${errorMessage(error)}`);
        await delay(100, undefined, { signal });
      }
    }
  }

  // every connection belongs to a producer or consumer, which whoever opened it closes
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What servers take as they come: `webSocketMaxTextFrameSize`, with room for what stands around payload and properties. */
const surelyTaken = 1_000_000;

function isLarge({ data, properties }: OutgoingMessage): boolean {
  if (data.byteLength > surelyTaken / 2) return true;
  let size = data.byteLength * 2;
  for (const name in properties) size += 3 * (name.length + (properties[name]?.length ?? 0));
  return size > surelyTaken;
}

function consumerPath(options: ConsumerOptions): string {
  const { topic, subscription, type, initialPosition, durable, redeliveryDelayMs, receiverQueueSize } = options;
  const query = new URLSearchParams({
    pullMode: 'true',
    subscriptionType: subscriptionTypes[type],
    subscriptionInitialPosition: initialPosition === 'earliest' ? 'Earliest' : 'Latest',
    subscriptionMode: durable ? 'Durable' : 'NonDurable',
    negativeAckRedeliveryDelay: String(Math.round(redeliveryDelayMs)),
    receiverQueueSize: String(Math.min(receiverQueueSize, longestQueue)),
  });
  if ('name' in topic)
    return `/ws/v2/consumer/${topicPath(topic.name)}/${encodeURIComponent(subscription)}?${query.toString()}`;
  query.set('topicsPattern', topic.pattern);
  return `/ws/v3/consumer/${encodeURIComponent(subscription)}?${query.toString()}`;
}
