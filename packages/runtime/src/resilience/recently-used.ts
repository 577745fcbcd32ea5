/** A map that keeps the entries used last. */
export class RecentlyUsed<V> {
  readonly #entries = new Map<string, V>();
  readonly #limit: number;
  readonly #onDrop: ((value: V) => void) | undefined;

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
      const [oldest] = this.#entries.size >= this.#limit ? this.#entries : [];
      if (oldest !== undefined) {
        this.#entries.delete(oldest[0]);
        this.#onDrop?.(oldest[1]);
      }
    } else {
      this.#entries.delete(key);
    }
    this.#entries.set(key, value);
    return value;
  }
}
