/** After so long without a subscription being set up, the round is over. */
const quietMs = 200;
/** The longest that one slow subscription keeps the others waiting. */
const longestMs = 10_000;

/** Subscriptions that are set up one after another or at the same time, as when an app starts. */
export class SubscribeRound implements Disposable {
  readonly #over: () => void;
  #underWay = 0;
  #quiet: NodeJS.Timeout | undefined;
  #longest: NodeJS.Timeout | undefined;

  /** `over` is called when all are set up, and again after each later round. */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** Sets one up as part of the round. Settles as `subscribe` does. */
  async add<T>(subscribe: () => Promise<T>): Promise<T> {
    this.#underWay++;
    clearTimeout(this.#quiet);
    this.#longest ??= setTimeout(() => this.#end(), longestMs);
    try {
      return await subscribe();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#quiet = setTimeout(() => this.#end(), quietMs);
      else this.#longest ??= setTimeout(() => this.#end(), longestMs);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#quiet);
    clearTimeout(this.#longest);
  }

  #end(): void {
    clearTimeout(this.#longest);
    this.#longest = undefined;
    this.#over();
  }
}
