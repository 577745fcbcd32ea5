import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import type { Logger } from '@outrigger/core';
import { awsError, isMissing } from '@outrigger/aws-client';
import type { QueueRequests } from './queue-requests.ts';

interface ReceiverParts {
  readonly requests: QueueRequests;
  readonly queueName: string;
  /** How many more messages may be received now. */
  readonly room: () => number;
  /** Most messages of one receive. */
  readonly batchSize: number;
  readonly accept: (messages: readonly SqsMessage[]) => void;
  /** Called when the queue is gone; resolves when it is there again. */
  readonly restore: () => Promise<void>;
  readonly logger: Logger;
}

/** Receives under way at a time while the queue is never empty. */
const maxParallel = 8;
/** A receive from a queue with messages answers within this; one that takes longer waits at an empty queue. */
const answerMs = 300;
const firstRetryMs = 200;
const longestRetryMs = 5000;

/** Receives messages while there is room: one request that waits, more while they come back full. */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #underWay = new Map<AbortController, Promise<void>>();
  #reserved = 0;
  #parallel = 1;
  #running = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #isAway = false;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  start(): void {
    this.#running = true;
    this.roomChanged();
  }

  /** To be called whenever there may be room again. */
  roomChanged(): void {
    while (this.#running && this.#retry === undefined && this.#underWay.size < this.#parallel) {
      const count = Math.min(this.#parts.batchSize, this.#parts.room() - this.#reserved);
      if (count <= 0) return;
      const stopping = new AbortController();
      this.#reserved += count;
      const receive = this.#receive(count, stopping.signal).finally(() => {
        this.#reserved -= count;
        this.#underWay.delete(stopping);
        this.roomChanged();
      });
      this.#underWay.set(stopping, receive);
    }
  }

  /**
   * Resolves when nothing can come any more. A receive under way is let finish for a moment, as what a cut one brings would
   * stay hidden until its visibility timeout.
   */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const all = [...this.#underWay];
    if (all.length === 0) return;
    const cut = setTimeout(() => {
      for (const [stopping] of all) stopping.abort();
    }, answerMs);
    await Promise.all(all.map(([, receive]) => receive));
    clearTimeout(cut);
  }

  async #receive(count: number, signal: AbortSignal): Promise<void> {
    const { requests, accept } = this.#parts;
    try {
      const messages = await requests.receive(count, signal);
      this.#parallel = messages.length < count ? 1 : Math.min(maxParallel, this.#parallel * 2);
      this.#back();
      if (messages.length > 0) accept(messages);
    } catch (error) {
      if (!signal.aborted) await this.#failed(error);
    }
  }

  async #failed(error: unknown): Promise<void> {
    const { logger, queueName, restore } = this.#parts;
    this.#parallel = 1;
    if (!this.#isAway) {
      this.#isAway = true;
      logger.warn(`${awsError(error, `receiving from queue "${queueName}"`).message}; trying again until it works`);
    }
    if (isMissing(error)) {
      await restore().catch((failure: unknown) => {
        logger.debug(`queue "${queueName}" could not be made again yet: ${awsError(failure, 'making it').message}`);
      });
    }
    if (!this.#running || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.roomChanged();
    }, this.#retryMs);
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2);
  }

  #back(): void {
    this.#retryMs = firstRetryMs;
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#parts.logger.info(`receiving from queue "${this.#parts.queueName}" works again`);
  }
}
