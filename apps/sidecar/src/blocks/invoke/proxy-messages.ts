type Next = Promise<IteratorResult<Uint8Array>>;

/** The messages of a caller, of which the first can be read again: as long as there was no second, the call can be made anew. */
export class ProxyMessages {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #kept: Next[] = [];
  #isStream = false;
  #isAnswered = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether a message has been read that cannot be read again. */
  get isStream(): boolean {
    return this.#isStream;
  }

  /** The call is not made again: nothing is kept any longer than it is needed. */
  answered(): void {
    this.#isAnswered = true;
  }

  /** Reads from the first message on. A reader begins only when the one before has given up. */
  reader(): () => Next {
    let index = 0;
    return () => {
      const kept = this.#kept[index++];
      if (kept !== undefined) return kept;
      const next = this.#source.next();
      if (this.#kept.length < 2 && !this.#isAnswered) {
        this.#kept.push(next);
        if (this.#kept.length === 2) return this.#second(next);
      } else this.#kept.length = 0;
      return next;
    };
  }

  async #second(next: Next): Next {
    const result = await next;
    if (!result.done) this.#isStream = true;
    return result;
  }
}
