/**
 * Messages that are handed over in the order they came, `width` at a time: those of a message group, or all of a consumer that
 * takes one at a time.
 */
export class Lane<T> {
  readonly #work: (item: T) => Promise<void>;
  readonly #emptied: () => void;
  #waiting: T[] = [];
  #running = 0;

  /** `work` never rejects; `emptied` is called whenever nothing waits or runs any more. */
  constructor(work: (item: T) => Promise<void>, emptied: () => void) {
    this.#work = work;
    this.#emptied = emptied;
  }

  /** Starts the item unless `width` of this lane run already. */
  add(item: T, width: number): void {
    this.#waiting.push(item);
    if (this.#running < width) void this.#run();
  }

  /** Takes out what waits and matches. */
  take(matches: (item: T) => boolean = () => true): T[] {
    const taken = this.#waiting.filter(matches);
    this.#waiting = this.#waiting.filter((item) => !taken.includes(item));
    return taken;
  }

  async #run(): Promise<void> {
    this.#running++;
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) await this.#work(item);
    this.#running--;
    if (this.#running === 0) this.#emptied();
  }
}
