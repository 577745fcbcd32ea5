export interface DeliveryQueueOptions<T> {
  /** What one message weighs in memory, in bytes. Without it the queue is never full. */
  readonly sizeOf?: (item: T) => number;
  /** From this many bytes on the queue is full. Default 16 MiB. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 16 * 1024 * 1024;

/**
 * Hands queued messages over in the order they were added, at most `concurrency` at a time: the part of a subscription that
 * is the same for every broker. A component adds what it has fetched and puts its acknowledgement into `deliver`; while the
 * queue is {@link full} it fetches nothing, so that a slow handler never fills the memory.
 */
export class DeliveryQueue<T> {
  readonly #concurrency: number;
  readonly #deliver: (item: T) => Promise<void>;
  readonly #sizeOf: ((item: T) => number) | undefined;
  readonly #maxBytes: number;
  #bytes = 0;
  #items: T[] = [];
  #head = 0;
  #workers = 0;
  #paused = false;
  #closed = false;
  readonly #idle: (() => void)[] = [];

  /** `deliver` handles one message with its acknowledgement and never rejects. */
  constructor(
    concurrency: number,
    deliver: (item: T) => Promise<void>,
    { sizeOf, maxBytes = defaultMaxBytes }: DeliveryQueueOptions<T> = {},
  ) {
    this.#concurrency = concurrency;
    this.#deliver = deliver;
    this.#sizeOf = sizeOf;
    this.#maxBytes = maxBytes;
  }

  /** Bytes of what waits and of what is handed over and not settled yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing more should be fetched until something has been settled or taken back. Adding still works. */
  get full(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  /** How many wait to be handed over. */
  get waiting(): number {
    return this.#items.length - this.#head;
  }

  /** How many are handed over and not settled yet. */
  get running(): number {
    return this.#workers;
  }

  /** Queues a message; it is handed over in a later turn, never inside this call. After {@link close} it returns false. */
  add(item: T): boolean {
    if (this.#closed) return false;
    this.#items.push(item);
    if (this.#sizeOf) this.#bytes += this.#sizeOf(item);
    this.#start();
    return true;
  }

  /** From now on nothing is handed over; what runs goes on. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (let missing = Math.min(this.waiting, this.#concurrency); missing > 0; missing--) this.#start();
  }

  /** Takes back everything that was not handed over. */
  takeWaiting(): T[] {
    const items = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    if (this.#sizeOf) for (const item of items) this.#bytes -= this.#sizeOf(item);
    return items;
  }

  /** Ends the queue: nothing more is handed over or accepted. What was not handed over comes back. */
  close(): T[] {
    this.#closed = true;
    return this.takeWaiting();
  }

  /** Resolves once nothing runs. */
  settled(): Promise<void> {
    if (this.#workers === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  #start(): void {
    if (this.#paused || this.#workers >= this.#concurrency) return;
    this.#workers++;
    queueMicrotask(() => void this.#work());
  }

  async #work(): Promise<void> {
    try {
      while (!this.#paused && this.#head < this.#items.length) {
        const item = this.#take();
        try {
          await this.#deliver(item);
        } finally {
          if (this.#sizeOf) this.#bytes -= this.#sizeOf(item);
        }
      }
    } finally {
      // also when `deliver` breaks its word and rejects: that is an unhandled rejection, but nobody waits for ever
      this.#workers--;
      if (this.#workers === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #take(): T {
    const item = this.#items[this.#head] as T;
    this.#items[this.#head++] = undefined as T; // so that a long queue does not keep what it has handed over
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
