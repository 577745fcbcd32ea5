interface Lane<T> {
  /** What waits behind the one at work. */
  waiting: T[];
  retry: NodeJS.Timeout | undefined;
}

/** Lets one item of a lane at a time go to work; the next follows when that one has succeeded. Lanes do not wait for each other. */
export class KeyLanes<T> {
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #start: (item: T) => void;
  readonly #retryDelayMs: number;

  constructor(start: (item: T) => void, retryDelayMs: number) {
    this.#start = start;
    this.#retryDelayMs = retryDelayMs;
  }

  add(name: string, item: T): void {
    const lane = this.#lanes.get(name);
    if (lane) lane.waiting.push(item);
    else {
      this.#lanes.set(name, { waiting: [], retry: undefined });
      this.#start(item);
    }
  }

  /** The one at work is done. */
  next(name: string): void {
    const lane = this.#lanes.get(name);
    const item = lane?.waiting.shift();
    if (item === undefined) this.#lanes.delete(name);
    else this.#start(item);
  }

  /** The one at work has failed: it goes to work again after the delay. */
  retry(name: string, item: T): void {
    const lane = this.#lanes.get(name);
    if (!lane) return;
    lane.retry = setTimeout(() => {
      lane.retry = undefined;
      this.#start(item);
    }, this.#retryDelayMs);
  }

  /** Forgets what waits. Lanes that have one at work stay: what comes after it still follows it. */
  clear(atWork: ReadonlySet<string | undefined>): void {
    for (const [name, lane] of this.#lanes) {
      clearTimeout(lane.retry);
      lane.waiting = [];
      if (!atWork.has(name)) this.#lanes.delete(name);
    }
  }
}
