import { createHash, randomUUID } from 'node:crypto';
import {
  type BulkOutcome,
  type BulkPublishRequest,
  ComponentError,
  type PublishRequest,
  type RequestMetadata,
} from '@outrigger/core';
import type { Assets } from './assets.ts';
import type { AwsClients } from './aws-clients.ts';
import { awsError, isMissing } from '@outrigger/aws-client';
import { type EncodedData, encodeData, encodingAttribute } from './sns-message.ts';

const maxEntries = 10;
/** SNS's limit of a message and of a batch, attributes included. */
const maxBytes = 256 * 1024;
/** Batches under way at a time where order does not matter. */
const maxBatches = 8;
/** What base64's mark adds to a message: name, type and value of the attribute. */
const markBytes = encodingAttribute.length + 'String'.length + 'base64'.length;

interface PublisherParts {
  readonly clients: AwsClients;
  readonly assets: Assets;
  /** Of FIFO topics only. */
  readonly messageGroupId: string | undefined;
  readonly fifo: boolean;
  readonly managesEntities: boolean;
}

interface Outgoing {
  readonly index: number;
  readonly bytes: number;
  readonly input: ReturnType<Publisher['input']>;
}

/** Publishes to SNS; a call that the SDK repeats is one message where the topic is FIFO. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #defaultGroup: string;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#defaultGroup = parts.messageGroupId ?? randomUUID();
  }

  async publish({ topic, data, contentType, metadata }: PublishRequest, signal: AbortSignal): Promise<void> {
    const { sns } = this.#parts.clients;
    const encoded = encodeData(data);
    const bytes = weigh(encoded);
    if (bytes > maxBytes) throw tooLong(topic, bytes);
    const input = this.input(encoded, contentType, metadata);
    await this.#send(topic, signal, (TopicArn) => sns.publish({ ...input, TopicArn }, { abortSignal: signal }));
  }

  async publishMany(
    { topic, entries, metadata }: BulkPublishRequest,
    signal: AbortSignal,
  ): Promise<BulkOutcome<void>[]> {
    signal.throwIfAborted();
    const outcomes: BulkOutcome<void>[] = entries.map(() => ({ ok: true, value: undefined }));
    const batches = this.#batch(topic, entries, metadata, outcomes);
    const { fifo } = this.#parts;
    const lanes = Array.from({ length: fifo ? 1 : Math.min(maxBatches, batches.length) }, async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        const complete = await this.#publishBatch(topic, batch, outcomes, signal);
        // what follows must not overtake what failed
        if (fifo && !complete) for (const { index } of batches.splice(0).flat()) outcomes[index] = notSent(topic);
      }
    });
    await Promise.all(lanes);
    return outcomes;
  }

  /** What a publish carries beside the topic. */
  input({ text, isBase64 }: EncodedData, contentType: string | undefined, metadata: RequestMetadata) {
    return {
      Message: text,
      ...(isBase64 && { MessageAttributes: { [encodingAttribute]: { DataType: 'String', StringValue: 'base64' } } }),
      ...(this.#parts.fifo && {
        MessageGroupId: metadata['messageGroupID'] ?? this.#defaultGroup,
        MessageDeduplicationId: deduplicationId(text, contentType, metadata),
      }),
    };
  }

  #batch(
    topic: string,
    entries: BulkPublishRequest['entries'],
    common: RequestMetadata,
    outcomes: BulkOutcome<void>[],
  ): Outgoing[][] {
    const batches: Outgoing[][] = [];
    let batch: Outgoing[] = [];
    let total = 0;
    for (const [index, { data, contentType, metadata }] of entries.entries()) {
      const encoded = encodeData(data);
      const bytes = weigh(encoded);
      if (bytes > maxBytes) {
        outcomes[index] = { ok: false, error: tooLong(topic, bytes) };
        continue;
      }
      if (batch.length === maxEntries || total + bytes > maxBytes) {
        batches.push(batch);
        batch = [];
        total = 0;
      }
      batch.push({ index, bytes, input: this.input(encoded, contentType, { ...common, ...metadata }) });
      total += bytes;
    }
    if (batch.length > 0) batches.push(batch);
    return batches;
  }

  /** Whether all of the batch was taken; what was not is told in the outcomes. */
  async #publishBatch(
    topic: string,
    batch: readonly Outgoing[],
    outcomes: BulkOutcome<void>[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { sns } = this.#parts.clients;
    const entries = batch.map(({ index, input }) => ({ Id: String(index), ...input }));
    try {
      const { Successful = [], Failed = [] } = await this.#send(topic, signal, (TopicArn) =>
        sns.publishBatch({ TopicArn, PublishBatchRequestEntries: entries }, { abortSignal: signal }),
      );
      const taken = new Set(Successful.map(({ Id }) => Id));
      for (const { index } of batch) {
        if (taken.has(String(index))) continue;
        const failure = Failed.find(({ Id }) => Id === String(index));
        const reason = failure ? `${failure.Message ?? ''} (${failure.Code ?? ''})` : 'SNS did not confirm it';
        const code = failure?.SenderFault ? 'invalid-argument' : 'unavailable';
        outcomes[index] = {
          ok: false,
          error: new ComponentError(code, `publishing to topic "${topic}" failed: ${reason}`),
        };
      }
      return taken.size === batch.length;
    } catch (error) {
      for (const { index } of batch) outcomes[index] = { ok: false, error: ComponentError.from(error) };
      return false;
    }
  }

  async #send<T>(topic: string, signal: AbortSignal, send: (topicArn: string) => Promise<T>): Promise<T> {
    const { assets, managesEntities } = this.#parts;
    const doing = `publishing to topic "${topic}"`;
    try {
      const arn = await aborting(assets.topic(topic), signal);
      try {
        return await send(arn);
      } catch (error) {
        if (!isMissing(error)) throw error;
        assets.forgetTopic(topic);
        if (!managesEntities) throw error;
        // it was deleted: made again, with nobody subscribed to it
        return await send(await aborting(assets.topic(topic), signal));
      }
    } catch (error) {
      signal.throwIfAborted();
      throw awsError(error, doing);
    }
  }
}

// The topic is looked up for all who wait for it, and each may leave.
async function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * By which SNS finds what is sent again within five minutes: for envelopes, which have an id of their own, their content, as
 * AWS itself would form it; two raw payloads that look the same are two messages.
 */
function deduplicationId(text: string, contentType: string | undefined, metadata: RequestMetadata): string {
  const id = metadata['messageDeduplicationID'];
  if (id !== undefined && id !== '') return id;
  const isEnvelope = contentType?.startsWith('application/cloudevents+json') ?? false;
  return isEnvelope ? createHash('sha256').update(text).digest('hex') : randomUUID();
}

function weigh({ text, isBase64 }: EncodedData): number {
  return Buffer.byteLength(text) + (isBase64 ? markBytes : 0);
}

function tooLong(topic: string, bytes: number): ComponentError {
  return new ComponentError(
    'invalid-argument',
    `a message for topic "${topic}" is too long for SNS: ${bytes} bytes of at most ${maxBytes} (data that is no text grows by a third)`,
  );
}

function notSent(topic: string): BulkOutcome<void> {
  const message = `not published to topic "${topic}": a message before it failed, which it must not overtake`;
  return { ok: false, error: new ComponentError('unavailable', message) };
}
