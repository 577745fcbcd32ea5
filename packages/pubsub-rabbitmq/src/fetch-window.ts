/**
 * How many messages the broker may send ahead of their acknowledgement. It counts messages only, so the bytes are bounded by
 * what the messages so far weighed: a careful window begins small and widens to what fits.
 */
export class FetchWindow {
  /** What one subscription holds, waiting or being handled, before it fetches no more. */
  static readonly maxBytes: number = 16 * 1024 * 1024;
  readonly #most: number;
  #size: number;
  #count = 0;
  #bytes = 0;

  constructor(most: number, careful: boolean) {
    this.#most = most;
    this.#size = careful ? Math.min(most, 10) : most;
  }

  get size(): number {
    return this.#size;
  }

  /** Notes a message that came. */
  arrived(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  /** A window's worth of messages has come and was small enough for more. */
  get mayWiden(): boolean {
    return this.#size < this.#most && this.#count >= this.#size && this.#fitting > this.#size;
  }

  /** Takes the size that fits, from the messages since the last time. */
  adapt(): void {
    this.#size = this.#fitting;
    this.#count = 0;
    this.#bytes = 0;
  }

  get #fitting(): number {
    if (this.#count === 0) return this.#size;
    const average = Math.max(1, this.#bytes / this.#count);
    return Math.max(1, Math.min(this.#most, Math.floor(FetchWindow.maxBytes / average)));
  }
}
