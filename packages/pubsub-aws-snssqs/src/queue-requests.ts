import type { Message as SqsMessage, SQS } from '@aws-sdk/client-sqs';

/** A message by the receipt of its last receive. */
export interface Received {
  receipt: string;
}

export interface BatchOutcome<T> {
  readonly done: T[];
  /** To be tried again. */
  readonly failed: T[];
  /** SQS no longer knows the receipt: the message is deleted, or another consumer has received it since. */
  readonly gone: T[];
  readonly error?: unknown;
}

interface QueueRequestsOptions {
  readonly url: string;
  readonly waitSeconds: number;
  readonly visibilitySeconds: number;
}

const maxEntries = 10;
/** The longest that a request other than a receive may take with its repeats. */
const requestTimeoutMs = 10_000;

/** The requests of a consumer to its queue, in batches of ten. Only {@link receive} rejects. */
export class QueueRequests {
  readonly #sqs: SQS;
  readonly #options: QueueRequestsOptions;

  constructor(sqs: SQS, options: QueueRequestsOptions) {
    this.#sqs = sqs;
    this.#options = options;
  }

  /** Up to ten messages; waits for the first. */
  async receive(count: number, signal: AbortSignal): Promise<SqsMessage[]> {
    const { url, waitSeconds, visibilitySeconds } = this.#options;
    const { Messages = [] } = await this.#sqs.receiveMessage(
      {
        QueueUrl: url,
        MaxNumberOfMessages: count,
        WaitTimeSeconds: waitSeconds,
        VisibilityTimeout: visibilitySeconds,
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'],
        MessageAttributeNames: ['All'],
      },
      { abortSignal: signal, requestTimeout: waitSeconds * 1000 + 5000 },
    );
    return Messages;
  }

  delete<T extends Received>(items: readonly T[]): Promise<BatchOutcome<T>> {
    return this.#inBatches(items, (entries, abortSignal) =>
      this.#sqs.deleteMessageBatch({ QueueUrl: this.#options.url, Entries: entries }, { abortSignal }),
    );
  }

  /** Hides messages for so many seconds from now on; 0: whoever asks next gets them. */
  hide<T extends Received>(items: readonly T[], seconds: number): Promise<BatchOutcome<T>> {
    return this.#inBatches(items, (entries, abortSignal) =>
      this.#sqs.changeMessageVisibilityBatch(
        {
          QueueUrl: this.#options.url,
          Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout: seconds })),
        },
        { abortSignal },
      ),
    );
  }

  /** Puts a copy of the message into the queue, which has not been received yet. Rejects when that fails. */
  async sendCopy(body: string): Promise<void> {
    const abortSignal = AbortSignal.timeout(requestTimeoutMs);
    await this.#sqs.sendMessage({ QueueUrl: this.#options.url, MessageBody: body }, { abortSignal });
  }

  async #inBatches<T extends Received>(
    items: readonly T[],
    send: (
      entries: { Id: string; ReceiptHandle: string }[],
      signal: AbortSignal,
    ) => Promise<{ Failed?: { Id?: string | undefined; SenderFault?: boolean | undefined }[] | undefined }>,
  ): Promise<BatchOutcome<T>> {
    const outcome: { done: T[]; failed: T[]; gone: T[]; error?: unknown } = { done: [], failed: [], gone: [] };
    const chunks = Array.from({ length: Math.ceil(items.length / maxEntries) }, (_, index) =>
      items.slice(index * maxEntries, (index + 1) * maxEntries),
    );
    const sendChunk = async (chunk: readonly T[]) => {
      const entries = chunk.map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt }));
      try {
        const { Failed = [] } = await send(entries, AbortSignal.timeout(requestTimeoutMs));
        const faults = new Map(Failed.map(({ Id, SenderFault }) => [Id, SenderFault]));
        for (const [index, item] of chunk.entries()) {
          const id = String(index);
          if (!faults.has(id)) outcome.done.push(item);
          else if (faults.get(id)) outcome.gone.push(item);
          else outcome.failed.push(item);
        }
      } catch (error) {
        outcome.failed.push(...chunk);
        outcome.error = error;
      }
    };
    await Promise.all(chunks.map(sendChunk));
    return outcome;
  }
}
