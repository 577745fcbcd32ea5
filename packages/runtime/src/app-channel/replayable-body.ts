import type { Body } from './app-channel.ts';

/**
 * A body of which nobody knows the end, kept while it is sent for the first time, so that it can be sent again. One that turns out to
 * be longer than the limit is let go, and from then on can be sent only once. One reader at a time: a new one takes the body
 * over from the one before.
 */
export class ReplayableBody implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #limit: number;
  /** From the beginning; `undefined`: no longer kept. */
  #kept: Uint8Array[] | undefined = [];
  #size = 0;
  /** How many pieces the source has given. */
  #pulled = 0;
  #pulling: Promise<IteratorResult<Uint8Array>> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #reader: object | undefined;
  #released = false;

  /** @param limit bytes that are kept at most */
  constructor(source: AsyncIterable<Uint8Array>, limit: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#limit = limit;
  }

  /** It cannot be sent again: some of it was read and is gone, or reading it has failed. */
  get isSpent(): boolean {
    return this.#failure !== undefined || (this.#kept === undefined && this.#pulled > 0);
  }

  /** Nobody will send it again: nothing more is kept, and its last reader closes the source. */
  release(): void {
    this.#released = true;
    if (this.#reader === undefined) this.#close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void> {
    const reader = {};
    this.#reader = reader;
    let position = 0;
    return {
      next: async () => {
        const kept = position < this.#pulled ? this.#kept?.[position] : undefined;
        if (kept !== undefined) {
          position++;
          return { done: false, value: kept };
        }
        if (position !== this.#pulled || this.#reader !== reader) throw new Error('the body cannot be sent again');
        if (this.#failure !== undefined) throw this.#failure.error;
        // One that has taken over waits for the piece that its predecessor has asked for.
        const piece = await (this.#pulling ??= this.#pull());
        if (piece.done) return { done: true, value: undefined };
        position++;
        return piece;
      },
      return: async () => {
        if (this.#reader === reader) {
          this.#reader = undefined;
          if (this.#released || this.#kept === undefined) this.#close();
        }
        return { done: true, value: undefined };
      },
    };
  }

  async #pull(): Promise<IteratorResult<Uint8Array>> {
    try {
      const piece = await this.#source.next();
      if (piece.done) return piece;
      this.#pulled++;
      this.#size += piece.value.byteLength;
      if (this.#released || this.#size > this.#limit) this.#kept = undefined;
      else this.#kept?.push(piece.value);
      return piece;
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#pulling = undefined;
    }
  }

  #close(): void {
    this.#kept = undefined;
    // What fails while it is given up concerns nobody any more.
    this.#source.return?.().catch(() => {});
  }
}

/** Whether a body of which some may have been sent can be sent from its beginning. */
export function isReplayable(body: Body): boolean {
  return body === undefined || body instanceof Uint8Array || (body instanceof ReplayableBody && !body.isSpent);
}
