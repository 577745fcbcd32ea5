/** Tells of many items when the signal of theirs aborts: one listener for each signal, however many items wait under it. */
export class SignalWatch<T> {
  readonly #watched = new Map<AbortSignal, { readonly items: Set<T>; readonly onAbort: () => void }>();
  readonly #aborted: (item: T, reason: unknown) => void;

  constructor(aborted: (item: T, reason: unknown) => void) {
    this.#aborted = aborted;
  }

  // with a listener for each of thousands of items, every one that is added would be compared with all others
  watch(signal: AbortSignal, item: T): void {
    const watched = this.#watched.get(signal);
    if (watched) {
      watched.items.add(item);
      return;
    }
    const items = new Set([item]);
    const onAbort = (): void => {
      for (const each of items) this.#aborted(each, signal.reason);
    };
    this.#watched.set(signal, { items, onAbort });
    signal.addEventListener('abort', onAbort, { once: true });
  }

  unwatch(signal: AbortSignal, item: T): void {
    const watched = this.#watched.get(signal);
    watched?.items.delete(item);
    if (watched?.items.size !== 0) return;
    this.#watched.delete(signal);
    signal.removeEventListener('abort', watched.onAbort);
  }
}
