import {
  type BulkOutcome,
  type BulkPublishRequest,
  ComponentError,
  type Logger,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import { Assets, type Queue } from './assets.ts';
import type { AwsClients } from './aws-clients.ts';
import { awsName } from './names.ts';
import { Publisher } from './publisher.ts';
import { QueueConsumer } from './queue-consumer.ts';
import { QueueRequests } from './queue-requests.ts';
import type { Settings } from './settings.ts';
import { SubscribeRound } from './subscribe-round.ts';
import { TopicSubscription } from './topic-subscription.ts';

/** Topics of SNS, and for each consumer id one queue of SQS that all its topics send to. */
export class SnsSqsPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = [];
  readonly #clients: AwsClients;
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #assets: Assets;
  readonly #publisher: Publisher;
  readonly #subscriptions = new Set<TopicSubscription>();
  readonly #publishing = new Set<Promise<unknown>>();
  readonly #round = new SubscribeRound(() => this.#consumer?.start());
  #consumer: QueueConsumer | undefined;
  #closing: Promise<void> | undefined;

  /** Owns the clients from now on. */
  constructor(clients: AwsClients, settings: Settings, logger: Logger) {
    this.#clients = clients;
    this.#settings = settings;
    this.#logger = logger;
    this.#assets = new Assets(clients, settings, logger);
    this.#publisher = new Publisher({ clients, assets: this.#assets, ...settings });
  }

  async publish(request: PublishRequest, signal: AbortSignal): Promise<void> {
    await this.#untilTold(() => this.#publisher.publish(request, signal));
  }

  async publishMany(request: BulkPublishRequest, signal: AbortSignal): Promise<BulkOutcome<void>[]> {
    return this.#untilTold(() => this.#publisher.publishMany(request, signal));
  }

  async subscribe(request: SubscribeRequest, handler: MessageHandler, signal: AbortSignal): Promise<Subscription> {
    signal.throwIfAborted();
    this.#requireOpen();
    return this.#round.add(() => this.#subscribe(request, handler, signal));
  }

  async #subscribe(
    { topic, minConcurrency = 1 }: SubscribeRequest,
    handler: MessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    const queue = await this.#assets.connect(topic);
    signal.throwIfAborted();
    this.#requireOpen();
    const consumer = (this.#consumer ??= this.#consume(queue));
    const subscription = new TopicSubscription({
      topic,
      topicName: awsName(topic, this.#settings.fifo),
      handler,
      minConcurrency,
      changed: (changed) => consumer.changed(changed),
      ended: (ended) => {
        consumer.remove(ended);
        this.#subscriptions.delete(ended);
      },
    });
    this.#subscriptions.add(subscription);
    consumer.add(subscription);
    return subscription;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#round[Symbol.dispose]();
    this.#consumer?.leave();
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await Promise.allSettled(this.#publishing);
    this.#clients[Symbol.dispose]();
  }

  /** Disposal waits for what is being published: cut off, nobody would know whether it was taken. */
  async #untilTold<T>(publish: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const publishing = publish();
    this.#publishing.add(publishing);
    try {
      return await publishing;
    } finally {
      this.#publishing.delete(publishing);
    }
  }

  #requireOpen(): void {
    if (this.#closing) throw new ComponentError('unavailable', 'this broker is closed');
  }

  #consume(queue: Queue): QueueConsumer {
    const { queueName = '', waitSeconds, visibilitySeconds } = this.#settings;
    return new QueueConsumer({
      requests: new QueueRequests(this.#clients.sqs, { url: queue.url, waitSeconds, visibilitySeconds }),
      queueName,
      maxReceives: queue.maxReceives,
      settings: this.#settings,
      restore: async (topics) => {
        this.#assets.forget();
        await Promise.all(topics.map((topic) => this.#assets.connect(topic)));
      },
      logger: this.#logger,
    });
  }
}
