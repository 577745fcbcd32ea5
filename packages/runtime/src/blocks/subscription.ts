import type { Logger, Subscription } from '@outrigger/core';

import type { SubscriptionSpec } from '../app-channel/app-channel.ts';
import { DeadLetterTopic } from './dead-letter.ts';
import type { Broker } from './pubsub-broker.ts';
import { BatchCollector } from './subscription-batches.ts';
import { deliverMany } from './subscription-bulk-delivery.ts';
import { deliver, type DeliveryContext } from './subscription-delivery.ts';
import { EventReader } from './subscription-events.ts';
import { SubscriptionFailures } from './subscription-failures.ts';
import { Leave } from './subscription-leave.ts';

const defaultMessagesCount = 100;
const defaultAwaitMs = 1000;
const defaultGraceMs = 30_000;

/** One topic of one pub/sub component that is being delivered to the app. */
export class TopicSubscription implements AsyncDisposable {
  readonly spec: SubscriptionSpec;
  readonly #leave: Leave;
  readonly #failures: SubscriptionFailures;
  readonly #subscription: Subscription;
  readonly #batches: BatchCollector | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    spec: SubscriptionSpec,
    { leave, failures }: DeliveryContext,
    subscription: Subscription,
    batches?: BatchCollector,
  ) {
    this.spec = spec;
    this.#leave = leave;
    this.#failures = failures;
    this.#subscription = subscription;
    this.#batches = batches;
  }

  /** Rejects when scopes forbid it, when the subscription can never work, and when the component refuses. */
  static async start(
    broker: Broker,
    spec: SubscriptionSpec,
    channel: DeliveryContext['channel'],
    logger: Logger,
    signal: AbortSignal,
  ): Promise<TopicSubscription> {
    if (broker.scopes.subscribe?.(spec.topic) === false) {
      throw new Error(
        `subscription to topic '${spec.topic}' on pubsub '${broker.name}' is not allowed for app id ${broker.appId}; ` +
          `see allowedTopics, protectedTopics and subscriptionScopes of component '${broker.name}'`,
      );
    }
    const { deadLetterTopic } = spec;
    if (deadLetterTopic) broker.deadLetterTopics.add(deadLetterTopic);
    if (deadLetterTopic && broker.scopes.publish?.(deadLetterTopic) === false) {
      logger.warn(
        `the dead letter topic ${deadLetterTopic} of topic ${spec.topic} on pubsub ${broker.name} is not allowed for app id ${broker.appId}: ` +
          `messages that fail come again instead; see allowedTopics, protectedTopics and publishingScopes of component '${broker.name}'`,
      );
    }
    const context: DeliveryContext = {
      broker,
      reader: await EventReader.compile(broker, spec),
      channel,
      failures: new SubscriptionFailures({
        pubsubName: broker.name,
        deadLetters: deadLetterTopic ? new DeadLetterTopic(broker, deadLetterTopic) : undefined,
        logger,
      }),
      leave: new Leave(),
    };
    const request = { topic: broker.wireTopic(spec.topic), metadata: spec.metadata };
    if (!spec.bulkSubscribe?.enabled) {
      const handler = deliver.bind(undefined, context);
      return new TopicSubscription(spec, context, await broker.component.subscribe(request, handler, signal));
    }

    const handleMany = deliverMany.bind(undefined, context, spec.topic);
    const { maxMessagesCount: count, maxAwaitDurationMs: awaitMs } = spec.bulkSubscribe;
    if (broker.component.subscribeMany !== undefined) {
      const bulkRequest = {
        ...request,
        ...(count && { maxMessagesCount: count }),
        ...(awaitMs && { maxAwaitDurationMs: awaitMs }),
      };
      return new TopicSubscription(
        spec,
        context,
        await broker.component.subscribeMany(bulkRequest, handleMany, signal),
      );
    }
    const maxMessagesCount = count || defaultMessagesCount;
    const immediate = broker.component.features.includes('bulk-subscribe-immediate');
    const batches = new BatchCollector(handleMany, maxMessagesCount, immediate ? 0 : awaitMs || defaultAwaitMs);
    const subscription = await broker.component.subscribe(
      { ...request, minConcurrency: maxMessagesCount },
      (message, own) => batches.add(message, own),
      signal,
    );
    return new TopicSubscription(spec, context, subscription, batches);
  }

  /** Resolves once the app gets no further message; those in flight go on, and those that fail go back to the broker. */
  async pause(): Promise<void> {
    this.#leave.begin();
    await this.#subscription.pause();
    this.#batches?.flush();
  }

  async resume(): Promise<void> {
    this.#leave.end();
    this.#failures.tellGivenBack(this.spec.topic);
    await this.#subscription.resume();
  }

  /** Ends delivery and waits for what is in flight; when `grace` aborts, that is cut off and goes back to the broker. */
  async close(grace: AbortSignal): Promise<void> {
    const cut = (): void => this.#leave.cut();
    this.#leave.begin();
    if (grace.aborted) cut();
    else grace.addEventListener('abort', cut, { once: true });
    try {
      await (this.#closing ??= this.#end());
    } finally {
      grace.removeEventListener('abort', cut);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(AbortSignal.timeout(defaultGraceMs));
  }

  async #end(): Promise<void> {
    this.#batches?.end();
    await this.#subscription[Symbol.asyncDispose]();
    this.#failures.tellGivenBack(this.spec.topic);
  }
}
