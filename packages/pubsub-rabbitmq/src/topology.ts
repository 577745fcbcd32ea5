import { ComponentError, parseBoolean, type RequestMetadata } from '@outrigger/core';
import type { Channel, Options } from 'amqplib';
import { declarationError, differingArgument } from './broker-error.ts';
import { shortText } from './message-properties.ts';

export interface TopologySettings {
  readonly consumerId: string;
  readonly exchangeKind: string;
  /** What an exchange of the delayed-message plugin does after the delay. */
  readonly delayedExchangeKind: string;
  readonly durable: boolean;
  /** Undefined: false, but a queue that exists with it is taken as it is. */
  readonly deletedWhenUnused: boolean | undefined;
  readonly enableDeadLetter: boolean;
  readonly maxLen: number | undefined;
  readonly maxLenBytes: number | undefined;
}

/** The queue of one subscription. */
export interface QueuePlan {
  readonly topic: string;
  readonly queue: string;
  readonly routingKeys: readonly string[];
  readonly quorum: boolean;
  readonly singleActiveConsumer: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Of the dead-letter queue. */
  readonly deadArguments: Readonly<Record<string, unknown>>;
}

export interface DeclaredQueue {
  /** The broker deletes it with its messages when its last consumer leaves. */
  readonly autoDelete: boolean;
}

export const delayedKind = 'x-delayed-message';

/** Exchanges and queues, named and made as Dapr does. */
export class Topology {
  readonly #settings: TopologySettings;

  constructor(settings: TopologySettings) {
    this.#settings = settings;
  }

  async declareExchange(channel: Channel, topic: string): Promise<void> {
    const { exchangeKind, delayedExchangeKind } = this.#settings;
    const delayed = exchangeKind === delayedKind;
    await channel.assertExchange(topic, exchangeKind, {
      durable: true,
      ...(delayed && { arguments: { 'x-delayed-type': delayedExchangeKind } }),
    });
  }

  /** Reads the metadata of a subscription: `queueName routingKey queueType maxPriority singleActiveConsumer maxLen maxLenBytes`. */
  plan(topic: string, metadata: RequestMetadata): QueuePlan {
    const { consumerId, enableDeadLetter } = this.#settings;
    const given = new Map(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
    const read = (name: string): string | undefined => given.get(name.toLowerCase()) || undefined;
    const name = read('queueName');
    if (name === undefined && consumerId === '') {
      throw invalid('consumerID is needed to subscribe: there is no app id to default to');
    }
    const queue = name ?? `${consumerId}-${topic}`;
    // the names for dead letters are the longest
    if (Buffer.byteLength(queue) + 4 > shortText)
      throw invalid(`the queue name "${queue}" is too long: choose a shorter queueName`);
    const quorum = readQueueType(read('queueType')) === 'quorum';
    const maxPriority = readWhole(read('maxPriority'), 'maxPriority');
    const singleActiveConsumer = readFlag(read('singleActiveConsumer'), 'singleActiveConsumer');
    const limits = this.#limits(readWhole(read('maxLen'), 'maxLen'), readWhole(read('maxLenBytes'), 'maxLenBytes'));
    return {
      topic,
      queue,
      routingKeys: (read('routingKey') ?? '').split(',').map((key) => key.trim()),
      quorum,
      singleActiveConsumer,
      arguments: {
        'x-queue-type': quorum ? 'quorum' : 'classic',
        ...limits,
        ...(enableDeadLetter && { 'x-dead-letter-exchange': `dlx-${queue}` }),
        ...(maxPriority !== undefined && { 'x-max-priority': Math.min(maxPriority, 255) }),
        ...(singleActiveConsumer && { 'x-single-active-consumer': true }),
      },
      deadArguments: { ...this.#limits(undefined, undefined), 'x-queue-mode': 'lazy' },
    };
  }

  /** Makes what the plan names where it is missing. `open` gives a channel; a refusal of the broker closes the one it came on. */
  async declare(plan: QueuePlan, open: () => Promise<Channel>): Promise<DeclaredQueue> {
    const { topic, queue, routingKeys } = plan;
    const { enableDeadLetter, durable } = this.#settings;
    await this.#step(open, `exchange "${topic}"`, (channel) => this.declareExchange(channel, topic));
    if (enableDeadLetter) {
      const [exchange, dead] = [`dlx-${queue}`, `dlq-${queue}`];
      await this.#step(open, `exchange "${exchange}"`, async (channel) => {
        await channel.assertExchange(exchange, 'fanout', { durable: true });
      });
      await this.#declareQueue(open, dead, { durable: true, arguments: plan.deadArguments });
      await this.#step(open, `queue "${dead}"`, async (channel) => {
        await channel.bindQueue(dead, exchange, '');
      });
    }
    const autoDelete = await this.#declareQueue(open, queue, { durable, arguments: plan.arguments });
    for (const key of routingKeys) {
      await this.#step(open, `queue "${queue}"`, async (channel) => {
        await channel.bindQueue(queue, topic, key);
      });
    }
    return { autoDelete };
  }

  async #declareQueue(open: () => Promise<Channel>, queue: string, options: Options.AssertQueue): Promise<boolean> {
    const { deletedWhenUnused } = this.#settings;
    const autoDelete = deletedWhenUnused ?? false;
    try {
      await (await open()).assertQueue(queue, { ...options, autoDelete });
      return autoDelete;
    } catch (error) {
      if (deletedWhenUnused !== undefined || differingArgument(error) !== 'auto_delete') {
        throw declarationError(error, `queue "${queue}"`);
      }
    }
    await this.#step(open, `queue "${queue}"`, async (channel) => {
      await channel.assertQueue(queue, { ...options, autoDelete: true });
    });
    return true;
  }

  async #step(open: () => Promise<Channel>, what: string, work: (channel: Channel) => Promise<void>): Promise<void> {
    try {
      await work(await open());
    } catch (error) {
      throw declarationError(error, what);
    }
  }

  #limits(maxLen: number | undefined, maxLenBytes: number | undefined): Record<string, number> {
    const length = maxLen ?? this.#settings.maxLen;
    const bytes = maxLenBytes ?? this.#settings.maxLenBytes;
    return { ...(length && { 'x-max-length': length }), ...(bytes && { 'x-max-length-bytes': bytes }) };
  }
}

function readQueueType(text: string | undefined): string {
  const type = text?.trim().toLowerCase() ?? 'classic';
  if (type !== 'classic' && type !== 'quorum') throw invalid('queueType must be "classic" or "quorum"');
  return type;
}

function readWhole(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text.trim())) throw invalid(`${name} must be a whole number`);
  return Number(text);
}

function readFlag(text: string | undefined, name: string): boolean {
  const flag = parseBoolean(text ?? 'false');
  if (flag === undefined) throw invalid(`${name} must be true or false`);
  return flag;
}

function invalid(message: string): ComponentError {
  return new ComponentError('invalid-argument', message);
}
