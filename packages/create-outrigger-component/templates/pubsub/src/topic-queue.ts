import type { Message } from '@outrigger/core';

export interface TopicQueueOptions {
  readonly maxQueuedBytes: number;
  /** Milliseconds. */
  readonly redeliverInterval: number;
}

/** What a message costs besides its payload, roughly. */
const overheadBytes = 256;

/** The messages of one topic that one subscription has not acknowledged yet. It stays when the subscription leaves, for the next. */
export class TopicQueue {
  readonly #options: TopicQueueOptions;
  readonly #retries = new Set<NodeJS.Timeout>();
  /** Called whenever there may be something to take. `undefined`: nobody is there to take it. */
  taker: (() => void) | undefined;
  #waiting: Message[] = [];
  #bytes = 0;

  constructor(options: TopicQueueOptions) {
    this.#options = options;
  }

  hasRoomFor({ data }: Message): boolean {
    const size = data.byteLength + overheadBytes;
    return this.#bytes === 0 || this.#bytes + size <= this.#options.maxQueuedBytes;
  }

  add(message: Message): void {
    this.#bytes += message.data.byteLength + overheadBytes;
    this.#waiting.push(message);
    this.taker?.();
  }

  take(): Message | undefined {
    return this.#waiting.shift();
  }

  acknowledge({ data }: Message): void {
    this.#bytes -= data.byteLength + overheadBytes;
  }

  /** The message comes again, before all others, after a pause. */
  giveBack(message: Message): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#waiting.unshift(message);
      this.taker?.();
    }, this.#options.redeliverInterval);
    this.#retries.add(timer);
  }

  clear(): void {
    for (const timer of this.#retries) clearTimeout(timer);
    this.#waiting = [];
  }
}
