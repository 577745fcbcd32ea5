/** A map that keeps the entries used last. */
export class RecentlyUsed<V> {
  readonly #entries = new Map<string, V>();
  readonly #onDrop: ((value: V) => void) | undefined;
  #limit: number;

  /** At most `limit` entries are kept. `onDrop` takes those that have to go. */
  constructor(limit: number, onDrop?: (value: V) => void) {
    this.#limit = limit;
    this.#onDrop = onDrop;
  }

  values(): Iterable<V> {
    return this.#entries.values();
  }

  /** The entry of that key; made when it is not there. */
  get(key: string, make: () => V): V {
    let value = this.#entries.get(key);
    if (value === undefined) {
      value = make();
      this.#shrinkTo(this.#limit - 1);
    } else {
      this.#entries.delete(key);
    }
    this.#entries.set(key, value);
    return value;
  }

  /** From now on at most so many. */
  resize(limit: number): void {
    this.#limit = limit;
    this.#shrinkTo(limit);
  }

  clear(): void {
    this.#shrinkTo(0);
  }

  #shrinkTo(size: number): void {
    for (const [key, value] of this.#entries) {
      if (this.#entries.size <= Math.max(size, 0)) return;
      this.#entries.delete(key);
      this.#onDrop?.(value);
    }
  }
}
