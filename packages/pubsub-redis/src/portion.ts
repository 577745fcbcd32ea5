const first = 8;
/** As sizes are known only when they are here: 32 of the largest messages that the engine takes (4 MiB) are 128 MiB. */
const most = 32;
const budgetBytes = 8 * 1024 * 1024;

/** How many entries to ask the server for at a time, so that one answer stays small, going by the sizes that came lately. */
export class Portion {
  #count = first;

  get count(): number {
    return this.#count;
  }

  /** Learns from an answer: many small entries make the next portion twice as large, large ones make it small at once. */
  seen(sizes: readonly number[]): void {
    if (sizes.length === 0) return;
    const fitting = Math.max(1, Math.floor(budgetBytes / Math.max(1, ...sizes)));
    this.#count = Math.min(most, fitting, this.#count * 2);
  }
}
