import type { BulkMessageHandler, BulkOutcome, Message } from '@outrigger/core';

interface Waiting {
  readonly message: Message;
  readonly signal: AbortSignal;
  readonly settle: (outcome: BulkOutcome<void>) => void;
}

/**
 * Collects the single messages of a component that has no native batches. A batch goes out when it is full or its first
 * message has waited long enough, whichever comes first.
 */
export class BatchCollector {
  readonly #handle: BulkMessageHandler;
  readonly #maxMessages: number;
  readonly #maxAwaitMs: number;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(handle: BulkMessageHandler, maxMessages: number, maxAwaitMs: number) {
    this.#handle = handle;
    this.#maxMessages = maxMessages;
    this.#maxAwaitMs = maxAwaitMs;
  }

  /** Settles as the message fares in its batch. */
  add(message: Message, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        message,
        signal,
        settle: (outcome) => (outcome.ok ? resolve() : reject(outcome.error)),
      });
      if (this.#ended || this.#waiting.length >= this.#maxMessages) this.flush();
      else this.#timer ??= setTimeout(() => this.flush(), this.#maxAwaitMs);
    });
  }

  /** Sends off what is there, and from now on whatever still comes at once: nobody is to wait for a batch to fill. */
  end(): void {
    this.#ended = true;
    this.flush();
  }

  /** Sends off what is there, full or not. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const batch = this.#waiting;
    this.#waiting = [];
    void this.#send(batch, first.signal);
  }

  async #send(batch: readonly Waiting[], signal: AbortSignal): Promise<void> {
    try {
      const outcomes = await this.#handle(
        batch.map(({ message }) => message),
        signal,
      );
      for (const [index, one] of batch.entries()) {
        one.settle(outcomes[index] ?? { ok: false, error: new Error('the batch was handled without an outcome') });
      }
    } catch (error) {
      for (const one of batch) one.settle({ ok: false, error });
    }
  }
}
