import { randomUUID } from 'node:crypto';
import {
  ComponentError,
  type Logger,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import { BrokerConnection, type BrokerConnectionOptions } from './broker-connection.ts';
import { declarationError } from './broker-error.ts';
import { destroy } from './connect.ts';
import { type ConsumptionSettings, deliverySettings } from './delivery-settings.ts';
import { publication, type PublishDefaults, shortText } from './message-properties.ts';
import { Publisher } from './publisher.ts';
import { RabbitMqSubscription } from './rabbitmq-subscription.ts';
import { Topology, type TopologySettings } from './topology.ts';

export interface RabbitMqSettings {
  readonly connections: BrokerConnectionOptions;
  readonly topology: TopologySettings;
  readonly publishing: PublishDefaults;
  readonly consumption: ConsumptionSettings;
}

/** A publish waits as long as Dapr's three attempts with their pauses. */
const attempts = 3;

/** A topic is an exchange; each consumer id has a queue of its own on it. */
export class RabbitMqPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = ['message-ttl'];
  readonly #settings: RabbitMqSettings;
  readonly #logger: Logger;
  readonly #topology: Topology;
  /** The broker stops reading from who publishes too fast, so acknowledgements have a connection of their own. */
  readonly #publishing: BrokerConnection;
  #consuming: Promise<BrokerConnection> | undefined;
  readonly #publisher: Publisher;
  readonly #subscriptions = new Set<RabbitMqSubscription>();
  #closing: Promise<void> | undefined;

  private constructor(publishing: BrokerConnection, settings: RabbitMqSettings, logger: Logger) {
    this.#publishing = publishing;
    this.#settings = settings;
    this.#logger = logger;
    this.#topology = new Topology(settings.topology);
    this.#publisher = new Publisher({
      connection: publishing,
      topology: this.#topology,
      logger,
      patienceMs: settings.connections.reconnectWaitMs * attempts,
    });
  }

  static async open(settings: RabbitMqSettings, logger: Logger, signal: AbortSignal): Promise<RabbitMqPubSub> {
    if (settings.publishing.canDelay) await checkDelay(settings, signal);
    return new RabbitMqPubSub(await BrokerConnection.open(settings.connections, signal), settings, logger);
  }

  async publish({ topic, data, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    checkTopic(topic);
    await this.#publisher.publish(topic, data, publication(metadata, this.#settings.publishing), signal);
  }

  async subscribe(request: SubscribeRequest, handler: MessageHandler, signal: AbortSignal): Promise<Subscription> {
    signal.throwIfAborted();
    if (this.#closing) throw closedError();
    checkTopic(request.topic);
    const plan = this.#topology.plan(request.topic, request.metadata);
    const connection = await this.#connectionForConsuming(signal);
    const subscription = await RabbitMqSubscription.start(
      {
        connection,
        topology: this.#topology,
        plan,
        settings: deliverySettings(this.#settings.consumption, plan, request.minConcurrency ?? 1),
        reconnectWaitMs: this.#settings.connections.reconnectWaitMs,
        handler,
        logger: this.#logger,
        ended: () => this.#subscriptions.delete(subscription),
      },
      signal,
    );
    this.#subscriptions.add(subscription);
    if (this.#closing) {
      await subscription[Symbol.asyncDispose]();
      throw closedError();
    }
    return subscription;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await this.#publisher.close();
    const consuming = this.#consuming?.then(
      (connection) => connection[Symbol.asyncDispose](),
      () => {},
    );
    await Promise.all([this.#publishing[Symbol.asyncDispose](), consuming]);
  }

  // One that failed is tried again by the next subscriber.
  #connectionForConsuming(signal: AbortSignal): Promise<BrokerConnection> {
    this.#consuming ??= BrokerConnection.open(this.#settings.connections, signal).catch((error: unknown) => {
      this.#consuming = undefined;
      throw error;
    });
    return this.#consuming;
  }
}

// A broker without the plugin closes the whole connection over such an exchange, so this is tried on one of its own.
async function checkDelay({ connections, topology }: RabbitMqSettings, signal: AbortSignal): Promise<void> {
  const model = await connections.connect(signal);
  let reason: unknown;
  model.on('error', (error) => {
    reason = error;
  });
  const exchange = `delay-check-${randomUUID()}`;
  try {
    const channel = await model.createChannel();
    channel.on('error', () => {});
    await new Topology(topology).declareExchange(channel, exchange);
    await channel.deleteExchange(exchange);
  } catch (error) {
    throw declarationError(reason ?? error, `an exchange of the kind ${topology.exchangeKind}`);
  } finally {
    destroy(model);
  }
}

function checkTopic(topic: string): void {
  if (topic === '') throw new ComponentError('invalid-argument', 'the topic must not be empty');
  if (Buffer.byteLength(topic) > shortText) {
    throw new ComponentError('invalid-argument', `the topic must not be longer than ${shortText} bytes`);
  }
}

function closedError(): ComponentError {
  return new ComponentError('unavailable', 'this broker is closed');
}
