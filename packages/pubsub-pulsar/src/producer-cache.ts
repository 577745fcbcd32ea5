import { abortable } from '@outrigger/core';
import type { OutgoingMessage, Producer } from './transport.ts';

interface Entry {
  readonly producer: Promise<Producer>;
  /** Once it is there. */
  opened?: Producer;
  sending: number;
  lastUsed: number;
}

/** A producer that nobody has used for so long is closed. */
const idleMs = 5 * 60_000;
const sweepMs = 60_000;

/** One producer for each topic, opened when it is first published to. */
export class ProducerCache {
  readonly #open: (topic: string, signal: AbortSignal) => Promise<Producer>;
  readonly #entries = new Map<string, Entry>();
  readonly #closed = new AbortController();
  #sweep: NodeJS.Timeout | undefined;

  constructor(open: (topic: string, signal: AbortSignal) => Promise<Producer>) {
    this.#open = open;
  }

  async send(topic: string, message: OutgoingMessage, signal: AbortSignal): Promise<void> {
    const entry = this.#entries.get(topic) ?? this.#add(topic);
    entry.sending++;
    try {
      const producer = entry.opened ?? (await abortable(entry.producer, signal));
      await producer.send(message, signal);
    } finally {
      entry.sending--;
      entry.lastUsed = Date.now();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#closed.abort(new Error('closed'));
    await Promise.all([...this.#entries.values()].map(closeProducer));
    this.#entries.clear();
  }

  #add(topic: string): Entry {
    // shared by all who publish now, so that none of their signals may end it
    const producer = this.#open(topic, this.#closed.signal);
    const entry: Entry = { producer, sending: 0, lastUsed: Date.now() };
    this.#entries.set(topic, entry);
    producer.then(
      (opened) => {
        entry.opened = opened;
      },
      () => this.#entries.delete(topic),
    );
    this.#sweep ??= setInterval(() => this.#closeIdle(), sweepMs).unref();
    return entry;
  }

  #closeIdle(): void {
    const before = Date.now() - idleMs;
    for (const [topic, entry] of this.#entries) {
      if (entry.sending > 0 || entry.lastUsed > before) continue;
      this.#entries.delete(topic);
      void closeProducer(entry);
    }
  }
}

async function closeProducer({ producer }: Entry): Promise<void> {
  const opened = await producer.catch(() => undefined);
  await opened?.close();
}
