import {
  type BulkMessageHandler,
  type BulkOutcome,
  type BulkPublishRequest,
  type BulkSubscribeRequest,
  ComponentError,
  DropMessage,
  errorMessage,
  type Logger,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type RequestMetadata,
  type SubscribeRequest,
  type Subscription,
} from '@outrigger/core';
import { ConsumerGroup, type GroupSettings, needsGroup, type WorkerPlan } from './consumer-group.ts';
import type { IncomingRecord, KafkaClient, OutgoingRecord } from './kafka-client.ts';
import type { RecordHandler } from './partition-worker.ts';
import { PublishQueue, sizeOf } from './publish-queue.ts';
import { partitionOfKey, planRecord, type RecordSettings, refuseSchema, toMessage, toRecord } from './record.ts';

export interface KafkaPubSubSettings extends GroupSettings {
  readonly maxMessageBytes: number;
  /** The pause before a message that failed is handed over again, in milliseconds. */
  readonly retryMs: number;
  /** Records fetched ahead for each partition. */
  readonly bufferedRecords: number;
  readonly record: RecordSettings;
}

/** Dapr's own, of this component. */
const defaultBatchSize = 80;
const defaultBatchWaitMs = 10_000;

/** Topics of Kafka, and one consumer group for all subscriptions. */
export class KafkaPubSub implements PubSub {
  readonly features: readonly PubSubFeature[] = [];
  readonly #client: KafkaClient;
  readonly #settings: KafkaPubSubSettings;
  readonly #logger: Logger;
  readonly #queues = new Map<string, PublishQueue>();
  readonly #turns = new Map<string, number>();
  /** One membership for all topics; another one where a topic is subscribed twice. */
  readonly #groups: ConsumerGroup[] = [];
  readonly #subscriptions = new Set<KafkaSubscription>();
  #closing: Promise<void> | undefined;

  /** Owns the client from now on. */
  constructor(client: KafkaClient, settings: KafkaPubSubSettings, logger: Logger) {
    this.#client = client;
    this.#settings = settings;
    this.#logger = logger;
  }

  async publish({ topic, data, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await unlessAborted(this.#send(topic, data, metadata, signal), signal);
  }

  async publishMany(
    { topic, entries, metadata }: BulkPublishRequest,
    signal: AbortSignal,
  ): Promise<BulkOutcome<void>[]> {
    signal.throwIfAborted();
    const all = await Promise.allSettled(
      entries.map((entry) =>
        unlessAborted(this.#send(topic, entry.data, { ...entry.metadata, ...metadata }, signal), signal),
      ),
    );
    return all.map((each) =>
      each.status === 'fulfilled' ? { ok: true, value: undefined } : { ok: false, error: each.reason as unknown },
    );
  }

  subscribe(request: SubscribeRequest, handler: MessageHandler, signal: AbortSignal): Promise<Subscription> {
    const { topic } = request;
    const plan = { batchSize: 1, batchWaitMs: 0, concurrency: Math.max(request.minConcurrency ?? 1, 1) };
    return this.#subscribe(request, plan, signal, (partition, log) => async ([record], handlerSignal) => {
      if (!record) return [];
      try {
        await handler(toMessage(topic, partition, record, this.#settings.record), handlerSignal);
        log.succeeded(record);
        return [true];
      } catch (error) {
        return [log.failed(record, error)];
      }
    });
  }

  subscribeMany(
    request: BulkSubscribeRequest,
    handler: BulkMessageHandler,
    signal: AbortSignal,
  ): Promise<Subscription> {
    const { topic, maxMessagesCount, maxAwaitDurationMs } = request;
    const plan = {
      batchSize: maxMessagesCount || defaultBatchSize,
      batchWaitMs: maxAwaitDurationMs || defaultBatchWaitMs,
      concurrency: 1,
    };
    return this.#subscribe(request, plan, signal, (partition, log) => async (records, handlerSignal) => {
      const messages = records.map((record) => toMessage(topic, partition, record, this.#settings.record));
      try {
        const outcomes = await handler(messages, handlerSignal);
        return records.map((record, index) => {
          const outcome = outcomes[index];
          if (outcome && !outcome.ok) return log.failed(record, outcome.error);
          if (outcome) log.succeeded(record);
          return outcome !== undefined;
        });
      } catch (error) {
        return records.map((record) => log.failed(record, error));
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await Promise.all(Array.from(this.#queues.values(), (queue) => queue.settled()));
    await this.#client[Symbol.asyncDispose]();
  }

  async #send(topic: string, data: Uint8Array, metadata: RequestMetadata, signal: AbortSignal): Promise<void> {
    if (this.#closing) throw new ComponentError('unavailable', 'this broker is closed');
    const plan = planRecord(metadata, this.#settings.record);
    const partitions = await this.#client.partitions(topic);
    if (plan.partition !== undefined && plan.partition >= partitions) {
      throw new ComponentError(
        'invalid-argument',
        `metadata.partitionNumber: topic "${topic}" has partitions 0 to ${partitions - 1} only`,
      );
    }
    const record = toRecord(data, plan, plan.partition ?? this.#choosePartition(topic, plan.key, partitions));
    if (sizeOf(record) > this.#settings.maxMessageBytes) {
      throw new ComponentError(
        'invalid-argument',
        `a message of ${data.byteLength} bytes is too large: maxMessageBytes is ${this.#settings.maxMessageBytes}`,
      );
    }
    signal.throwIfAborted();
    await this.#queueOf(topic).send(record, signal);
  }

  #choosePartition(topic: string, key: Buffer | undefined, partitions: number): number {
    if (key) return partitionOfKey(key, partitions);
    const turn = (this.#turns.get(topic) ?? Math.floor(Math.random() * partitions)) % partitions;
    this.#turns.set(topic, turn + 1);
    return turn;
  }

  #queueOf(topic: string): PublishQueue {
    let queue = this.#queues.get(topic);
    if (!queue) {
      const produce = (records: readonly OutgoingRecord[]) => this.#client.produce(topic, records);
      queue = new PublishQueue(produce, this.#settings.maxMessageBytes);
      this.#queues.set(topic, queue);
    }
    return queue;
  }

  async #subscribe(
    { topic, metadata }: SubscribeRequest,
    plan: Pick<WorkerPlan, 'batchSize' | 'batchWaitMs' | 'concurrency'>,
    signal: AbortSignal,
    handlerOf: (partition: number, log: FailureLog) => RecordHandler,
  ): Promise<Subscription> {
    signal.throwIfAborted();
    if (this.#closing) throw new ComponentError('unavailable', 'this broker is closed');
    needsGroup(this.#settings.groupId);
    refuseSchema(metadata['valueSchemaType'] ?? 'none');
    await unlessAborted(this.#client.partitions(topic), signal); // makes the topic, or says that it is missing
    const { retryMs, bufferedRecords } = this.#settings;
    const group = this.#groupFor(topic);
    const subscription = new KafkaSubscription(group, topic, () => {
      this.#subscriptions.delete(subscription);
      if (group.isEmpty) this.#groups.splice(this.#groups.indexOf(group), 1);
    });
    this.#subscriptions.add(subscription);
    const added = group.add(topic, {
      ...plan,
      retryMs,
      bufferedRecords: Math.max(bufferedRecords, plan.batchSize, plan.concurrency),
      handlerOf: (partition) => handlerOf(partition, new FailureLog(this.#logger, topic, partition)),
    });
    try {
      await unlessAborted(added, signal);
      signal.throwIfAborted();
    } catch (error) {
      void added.catch(() => {}).then(() => subscription[Symbol.asyncDispose]());
      throw error;
    }
    if (this.#closing) await subscription[Symbol.asyncDispose]();
    return subscription;
  }

  #groupFor(topic: string): ConsumerGroup {
    const free = this.#groups.find((group) => !group.has(topic));
    if (free) return free;
    const group = new ConsumerGroup(this.#client, this.#settings, this.#logger);
    this.#groups.push(group);
    return group;
  }
}

class KafkaSubscription implements Subscription {
  readonly #group: ConsumerGroup;
  readonly #topic: string;
  readonly #ended: () => void;
  #closing: Promise<void> | undefined;

  constructor(group: ConsumerGroup, topic: string, ended: () => void) {
    this.#group = group;
    this.#topic = topic;
    this.#ended = ended;
  }

  async pause(): Promise<void> {
    if (!this.#closing) this.#group.pause(this.#topic);
  }

  async resume(): Promise<void> {
    if (!this.#closing) this.#group.resume(this.#topic);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#group.remove(this.#topic).finally(this.#ended);
    return this.#closing;
  }
}

/** Tells of a message that fails once, and once more when it has succeeded. */
class FailureLog {
  readonly #logger: Logger;
  readonly #where: string;
  readonly #failing = new Set<bigint>();

  constructor(logger: Logger, topic: string, partition: number) {
    this.#logger = logger;
    this.#where = `topic "${topic}", partition ${partition}`;
  }

  /** Whether the message is done with although its handler rejected. */
  failed({ offset }: IncomingRecord, error: unknown): boolean {
    if (DropMessage.is(error)) {
      this.#failing.delete(offset);
      return true;
    }
    if (!this.#failing.has(offset)) {
      this.#failing.add(offset);
      this.#logger.warn(
        `${this.#where}: message ${offset} was not handled and comes again until it is: ${errorMessage(error)}`,
      );
    }
    return false;
  }

  succeeded({ offset }: IncomingRecord): void {
    if (this.#failing.delete(offset)) this.#logger.info(`${this.#where}: message ${offset} is handled now`);
  }
}

/** Rejects when the signal aborts first; what was begun goes on unheard. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      const tooLate = new ComponentError('deadline-exceeded', 'the brokers have not answered in time');
      reject(signal.reason instanceof Error && signal.reason.name !== 'TimeoutError' ? signal.reason : tooLate);
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
