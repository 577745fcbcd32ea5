/** What an app publishes and gets back, message by message. */
export interface Parcel {
  readonly id: number;
  readonly sentAt: number;
  readonly text: string;
}

export interface FlowResult {
  /** Messages handled in a second. */
  readonly rate: number;
  /** From the call to publish to the handler. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU seconds of this process for one message. */
  readonly cpuPerMessage: number;
  /** Messages that came more than once. */
  readonly duplicates: number;
}

interface Phase {
  readonly seconds: number;
  /** Messages in one call to publish. */
  readonly batch: number;
  /** Calls to publish at a time. */
  readonly inFlight: number;
  readonly send: (parcels: readonly Parcel[]) => Promise<void>;
}

const warmUpMs = 1000;
const text = 'x'.repeat(200);

/**
 * Publishes at full rate, or at a given one, and counts what arrives. At most `window` messages are on the way at a time, so
 * that the rate is that of the whole way and not of its first half.
 */
export class Flow {
  readonly #window: number;
  readonly #onTheWay = new Map<number, number>();
  #nextId = 0;
  #handled = 0;
  #duplicates = 0;
  #latencies: number[] = [];
  #waiting: (() => void)[] = [];

  constructor(window: number) {
    this.#window = window;
  }

  /** To be called by the handler. */
  handled({ id }: Pick<Parcel, 'id'>): void {
    const sentAt = this.#onTheWay.get(id);
    if (sentAt === undefined) {
      this.#duplicates++;
      return;
    }
    this.#onTheWay.delete(id);
    this.#handled++;
    this.#latencies.push(performance.now() - sentAt);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** As many as go through. */
  async fullRate({ seconds, batch, inFlight, send }: Phase): Promise<FlowResult> {
    let over = false;
    const worker = async (): Promise<void> => {
      while (!over) {
        while (this.#onTheWay.size + batch > this.#window) await new Promise<void>((wake) => this.#waiting.push(wake));
        await send(this.#parcels(batch));
      }
    };
    const workers = Array.from({ length: inFlight }, worker);
    return this.#measure(seconds, async () => {
      over = true;
      for (const wake of this.#waiting.splice(0)) wake();
      await Promise.all(workers);
    });
  }

  /** `perSecond` messages, one at a time; for latencies that are not those of a queue. */
  async steady({ seconds, send }: Pick<Phase, 'seconds' | 'send'>, perSecond: number): Promise<FlowResult> {
    const sending = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const begin = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      for (const due = ((performance.now() - begin) / 1000) * perSecond; sent < due; sent++) {
        const one = send(this.#parcels(1))
          .catch((error: unknown) => failures.push(error))
          .finally(() => sending.delete(one)) as Promise<void>;
        sending.add(one);
      }
    }, 5);
    const result = await this.#measure(seconds, async () => {
      clearInterval(timer);
      await Promise.all(sending);
    });
    if (failures.length > 0) throw failures[0];
    return result;
  }

  async #measure(seconds: number, stop: () => Promise<void>): Promise<FlowResult> {
    await pause(warmUpMs);
    this.#handled = 0;
    this.#duplicates = 0;
    this.#latencies = [];
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    await pause(seconds * 1000);
    const took = (performance.now() - begin) / 1000;
    const used = process.cpuUsage(cpu);
    const [handled, duplicates, latencies] = [
      this.#handled,
      this.#duplicates,
      this.#latencies.toSorted((a, b) => a - b),
    ];
    await stop();
    await this.#drained();
    return {
      rate: handled / took,
      p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? NaN,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? NaN,
      cpuPerMessage: (used.user + used.system) / 1e6 / handled,
      duplicates,
    };
  }

  async #drained(): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (this.#onTheWay.size > 0) {
      if (performance.now() > deadline)
        throw new Error(`${this.#onTheWay.size} messages have not arrived after a minute`);
      await Promise.race([new Promise<void>((wake) => this.#waiting.push(wake)), pause(1000)]);
    }
  }

  #parcels(count: number): Parcel[] {
    return Array.from({ length: count }, () => {
      const [id, sentAt] = [this.#nextId++, performance.now()];
      this.#onTheWay.set(id, sentAt);
      return { id, sentAt, text };
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
