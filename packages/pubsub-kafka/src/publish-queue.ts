import type { OutgoingRecord } from './kafka-client.ts';

interface Waiting {
  readonly record: OutgoingRecord;
  readonly size: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What Kafka adds to a record, about, in bytes. */
const overhead = 70;

/**
 * Sends the records of one topic, one request after the other: what comes while one is under way goes together with the next. So
 * records keep their order, and many at a time cost little more than one.
 */
export class PublishQueue {
  readonly #produce: (records: readonly OutgoingRecord[]) => Promise<void>;
  readonly #maxBytes: number;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | undefined;

  constructor(produce: (records: readonly OutgoingRecord[]) => Promise<void>, maxBytes: number) {
    this.#produce = produce;
    this.#maxBytes = maxBytes;
  }

  /** Resolves once the brokers have confirmed the record. Where the signal aborts while it still waits, it is not sent. */
  async send(record: OutgoingRecord, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { record, size: sizeOf(record), resolve, reject };
    const leave = () => {
      const index = this.#waiting.indexOf(waiting);
      if (index < 0) return; // on its way
      this.#waiting.splice(index, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(waiting);
    this.#sending ??= this.#run();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // so that all that are published in one turn go together
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#produce(batch.map(({ record }) => record));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#sending = undefined;
  }

  #take(): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length; count++) {
      bytes += this.#waiting[count]?.size ?? 0;
      if (bytes > this.#maxBytes && count > 0) break;
    }
    return this.#waiting.splice(0, count);
  }
}

/** What a record takes in a request, in bytes, before compression. */
export function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let size = overhead + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, text] of headers) size += 10 + Buffer.byteLength(name) + Buffer.byteLength(text);
  return size;
}
