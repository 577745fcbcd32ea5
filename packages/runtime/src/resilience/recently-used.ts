/** A map that keeps the entries used last. */
export class RecentlyUsed<V> {
  readonly #entries = new Map<string, V>();
  readonly #limit: number;

  /** At most `limit` entries are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The entry of that key; made when it is not there. */
  get(key: string, make: () => V): V {
    let value = this.#entries.get(key);
    if (value === undefined) {
      value = make();
      const [oldest] = this.#entries.size >= this.#limit ? this.#entries.keys() : [];
      if (oldest !== undefined) this.#entries.delete(oldest);
    } else {
      this.#entries.delete(key);
    }
    this.#entries.set(key, value);
    return value;
  }
}
