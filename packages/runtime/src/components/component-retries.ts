import { sleep } from '@outrigger/core';

export interface ComponentRetriesOptions {
  /** Names of the components that wait to be tried again; read at each use. */
  readonly waiting: () => ReadonlySet<string>;
  /** Tries one of them once. Resolves to whether it needs no further try: it runs, or is not wanted any more. Never rejects. */
  readonly tryAgain: (name: string, signal: AbortSignal) => Promise<boolean>;
  /** Milliseconds before the first try; each further one waits twice as long. Default 1000. */
  readonly first?: number;
  /** The longest wait in milliseconds. Default 30,000. */
  readonly longest?: number;
}

/** Tries components that are away again, each at its own pace, until disposal. */
export class ComponentRetries implements AsyncDisposable {
  readonly #options: Required<ComponentRetriesOptions>;
  readonly #ended = new AbortController();
  readonly #loops = new Map<string, Promise<void>>();
  /** Aborts what all of them wait for. */
  #wake = new AbortController();

  constructor(options: ComponentRetriesOptions) {
    this.#options = { first: 1000, longest: 30_000, ...options };
  }

  /** Takes up those that wait by now. */
  follow(): void {
    if (this.#ended.signal.aborted) return;
    for (const name of this.#options.waiting()) {
      if (!this.#loops.has(name)) this.#loops.set(name, this.#loop(name));
    }
  }

  /** Something that others may have waited for is there: all are tried at once. */
  hurry(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  async #loop(name: string): Promise<void> {
    const { waiting, tryAgain, first, longest } = this.#options;
    const ended = this.#ended.signal;
    for (let wait = first; !ended.aborted && waiting().has(name); wait = Math.min(wait * 2, longest)) {
      const wake = this.#wake.signal;
      await sleep(wait * (0.9 + Math.random() * 0.2), AbortSignal.any([ended, wake])).catch(() => {}); // then sooner
      if (ended.aborted || !waiting().has(name) || (await tryAgain(name, ended))) break;
      if (wake.aborted) wait = first;
    }
    this.#loops.delete(name);
    // put aside again between the last look and now
    this.follow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new Error('the runtime is stopping'));
    await Promise.all(this.#loops.values());
  }
}
