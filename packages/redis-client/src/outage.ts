/** The connections of one component that are lost now: what happens to all of them is said once. */
export class Outage {
  readonly #lost = new Set<object>();

  /** Whether with this one it begins: it was not lost before, nor is another one. */
  begins(connection: object): boolean {
    const isFirst = this.#lost.size === 0;
    this.#lost.add(connection);
    return isFirst;
  }

  /** Whether it was the last that was still lost. */
  ends(connection: object): boolean {
    return this.#lost.delete(connection) && this.#lost.size === 0;
  }
}
