import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, type Logger } from '@outrigger/core';
import type { AwsClients } from './aws-clients.ts';
import { awsError } from '@outrigger/aws-client';
import { awsName, isEmptyName, topicArn } from './names.ts';
import { policyAllowing } from './queue-policy.ts';
import type { Settings } from './settings.ts';

export interface Queue {
  readonly url: string;
  readonly arn: string;
  /** Receives after which SQS moves a message to the dead letters; `undefined`: it counts for nothing. */
  readonly maxReceives: number | undefined;
}

/** How often a policy is written again that another instance has overwritten in the meantime. */
const policyAttempts = 6;
const policySettlesMs = 50;

/**
 * Topics, queues and what connects them: made where they are missing, or with `disableEntityManagement` looked up. All of it
 * can be repeated, and done by several instances at a time. What was found is remembered until {@link forget}.
 */
export class Assets {
  readonly #clients: AwsClients;
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #topics = new Map<string, Promise<string>>();
  #queue: Promise<Queue> | undefined;
  /** Policies are read, changed and written: one topic after the other. */
  #connecting: Promise<unknown> = Promise.resolve();

  constructor(clients: AwsClients, settings: Settings, logger: Logger) {
    this.#clients = clients;
    this.#settings = settings;
    this.#logger = logger;
  }

  forget(): void {
    this.#topics.clear();
    this.#queue = undefined;
  }

  forgetTopic(topic: string): void {
    this.#topics.delete(topic);
  }

  /** The ARN of a topic. */
  topic(topic: string): Promise<string> {
    let found = this.#topics.get(topic);
    if (!found) {
      found = this.#findTopic(topic);
      this.#topics.set(topic, found);
      found.catch(() => this.#topics.delete(topic));
    }
    return found;
  }

  /** Connects the topic to the queue of this consumer id; resolves once what is published there reaches the queue. */
  connect(topic: string): Promise<Queue> {
    const connected = this.#connecting.then(() => this.#connect(topic));
    this.#connecting = connected.catch(() => {});
    return connected;
  }

  async #connect(topic: string): Promise<Queue> {
    const [arn, queue] = await Promise.all([this.topic(topic), this.#ownQueue()]);
    if (this.#settings.managesEntities) {
      await this.#allow(queue, arn);
      await this.#request(`subscribing queue "${this.#settings.queueName}" to topic "${topic}"`, (options) =>
        this.#clients.sns.subscribe({ TopicArn: arn, Protocol: 'sqs', Endpoint: queue.arn }, options),
      );
    } else await this.#requireSubscription(topic, arn, queue);
    return queue;
  }

  async #findTopic(topic: string): Promise<string> {
    const { fifo, managesEntities } = this.#settings;
    const name = awsName(topic, fifo);
    if (isEmptyName(name)) {
      throw new ComponentError(
        'invalid-argument',
        `topic "${topic}" holds none of the characters that a topic may have (A-Z, a-z, 0-9, - and _)`,
      );
    }
    const { sns, region } = this.#clients;
    if (!managesEntities) {
      const arn = topicArn(region, await this.#accountId(), name);
      const hint = 'create it, or leave out disableEntityManagement';
      await this.#request(
        `looking up topic "${name}"`,
        (options) => sns.getTopicAttributes({ TopicArn: arn }, options),
        hint,
      );
      return arn;
    }
    const { TopicArn } = await this.#request(`creating topic "${name}"`, (options) =>
      sns.createTopic(
        {
          Name: name,
          Tags: [{ Key: 'dapr-topic-name', Value: name }],
          ...(fifo && { Attributes: { FifoTopic: 'true', ContentBasedDeduplication: 'true' } }),
        },
        options,
      ),
    );
    return TopicArn ?? topicArn(region, await this.#accountId(), name);
  }

  #accountId(): Promise<string> {
    return this.#clients.accountId(AbortSignal.timeout(this.#settings.assetsTimeoutMs));
  }

  #ownQueue(): Promise<Queue> {
    this.#queue ??= this.#prepareQueue().catch((error: unknown) => {
      this.#queue = undefined;
      throw error;
    });
    return this.#queue;
  }

  async #prepareQueue(): Promise<Queue> {
    const { queueName, deadLetters, managesEntities } = this.#settings;
    if (queueName === undefined) {
      throw new ComponentError(
        'invalid-argument',
        'consumerID is needed to subscribe: there is no app id to default to',
      );
    }
    const url = await this.#findQueue(queueName);
    if (deadLetters && managesEntities) {
      const deadLettersUrl = await this.#findQueue(deadLetters.queueName);
      const { QueueArn } = await this.#attributes(deadLetters.queueName, deadLettersUrl);
      const policy = { deadLetterTargetArn: QueueArn, maxReceiveCount: String(deadLetters.afterReceives) };
      await this.#request(`setting the dead letters of queue "${queueName}"`, (options) =>
        this.#clients.sqs.setQueueAttributes(
          { QueueUrl: url, Attributes: { RedrivePolicy: JSON.stringify(policy) } },
          options,
        ),
      );
    }
    const { QueueArn = '', RedrivePolicy } = await this.#attributes(queueName, url);
    return { url, arn: QueueArn, maxReceives: maxReceives(RedrivePolicy) };
  }

  async #findQueue(name: string): Promise<string> {
    const { sqs } = this.#clients;
    const { fifo, managesEntities } = this.#settings;
    if (!managesEntities) {
      const hint = 'create it, or leave out disableEntityManagement';
      const found = await this.#request(
        `looking up queue "${name}"`,
        (options) => sqs.getQueueUrl({ QueueName: name }, options),
        hint,
      );
      return found.QueueUrl ?? '';
    }
    const created = await this.#request(`creating queue "${name}"`, async (options) => {
      try {
        return await sqs.createQueue(
          {
            QueueName: name,
            tags: { 'dapr-queue-name': name },
            ...(fifo && { Attributes: { FifoQueue: 'true', ContentBasedDeduplication: 'true' } }),
          },
          options,
        );
      } catch (error) {
        // somebody has made it with other attributes, which stay as they are
        const exists = error instanceof Error && /QueueNameExists|QueueAlreadyExists/.test(error.name);
        if (!exists) throw error;
        return sqs.getQueueUrl({ QueueName: name }, options);
      }
    });
    return created.QueueUrl ?? '';
  }

  async #attributes(name: string, url: string): Promise<Partial<Record<string, string>>> {
    const { Attributes = {} } = await this.#request(`reading the attributes of queue "${name}"`, (options) =>
      this.#clients.sqs.getQueueAttributes(
        { QueueUrl: url, AttributeNames: ['QueueArn', 'Policy', 'RedrivePolicy'] },
        options,
      ),
    );
    return Attributes;
  }

  // Read again some time after each write: another instance that had read before it may have written without this topic.
  async #allow(queue: Queue, topicArn: string): Promise<void> {
    const { queueName = '' } = this.#settings;
    for (let attempt = 0; attempt < policyAttempts; attempt++) {
      const asked = Date.now();
      const { Policy } = await this.#attributes(queueName, queue.url);
      const policy = policyAllowing(Policy, queue.arn, topicArn);
      if (policy === undefined) return;
      await this.#request(`letting topics send to queue "${queueName}"`, (options) =>
        this.#clients.sqs.setQueueAttributes({ QueueUrl: queue.url, Attributes: { Policy: policy } }, options),
      );
      // several times what a reading and a writing take
      await delay(policySettlesMs + (Date.now() - asked) * (1 + 2 * Math.random()));
    }
    this.#logger.warn(
      `the policy of queue "${queueName}" does not show the right of ${topicArn} to send to it; without it nothing that is published there arrives`,
    );
  }

  async #requireSubscription(topic: string, arn: string, queue: Queue): Promise<void> {
    let token: string | undefined;
    do {
      const page: { NextToken?: string | undefined; Subscriptions?: { Endpoint?: string | undefined }[] | undefined } =
        await this.#request(`listing the subscriptions of topic "${topic}"`, (options) =>
          this.#clients.sns.listSubscriptionsByTopic(
            { TopicArn: arn, ...(token !== undefined && { NextToken: token }) },
            options,
          ),
        );
      if (page.Subscriptions?.some(({ Endpoint }) => Endpoint === queue.arn)) return;
      token = page.NextToken;
    } while (token !== undefined && token !== '');
    throw new ComponentError(
      'not-found',
      `queue "${this.#settings.queueName}" is not subscribed to topic "${awsName(topic, this.#settings.fifo)}": subscribe it, or leave out disableEntityManagement`,
    );
  }

  async #request<T>(
    doing: string,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
    hint?: string,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(this.#settings.assetsTimeoutMs);
    try {
      return await send({ abortSignal: timeout });
    } catch (error) {
      if (timeout.aborted) {
        throw new ComponentError(
          'unavailable',
          `${doing} took longer than assetsManagementTimeoutSeconds; check endpoint and region`,
          { cause: error },
        );
      }
      const failure = awsError(error, doing);
      if (failure.code !== 'not-found' || hint === undefined) throw failure;
      throw new ComponentError('not-found', `${doing} failed: it does not exist; ${hint}`, { cause: error });
    }
  }
}

function maxReceives(redrivePolicy: string | undefined): number | undefined {
  if (redrivePolicy === undefined || redrivePolicy === '') return undefined;
  try {
    const { maxReceiveCount } = JSON.parse(redrivePolicy) as { maxReceiveCount?: string | number };
    return Number(maxReceiveCount) || undefined;
  } catch {
    return undefined;
  }
}
