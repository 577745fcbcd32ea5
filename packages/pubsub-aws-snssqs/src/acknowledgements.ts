import { errorMessage, type Logger } from '@outrigger/core';
import type { HeldMessage } from './held-message.ts';
import type { QueueRequests } from './queue-requests.ts';

interface Pending {
  readonly held: HeldMessage;
  readonly since: number;
  readonly settled: () => void;
}

const retryMs = 500;
/** For how long a consumer that leaves tries on while SQS does not answer. */
const leavingMs = 5000;

/** Deletes handled messages, those of the same turn together, and tries on while SQS is away. */
export class Acknowledgements {
  readonly #requests: QueueRequests;
  readonly #logger: Logger;
  #pending: Pending[] = [];
  #scheduled = false;
  #leaving = false;

  constructor(requests: QueueRequests, logger: Logger) {
    this.#requests = requests;
    this.#logger = logger;
  }

  /** Resolves when the message is deleted, or cannot be: then it comes again. */
  add(held: HeldMessage): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pending.push({ held, since: Date.now(), settled: resolve });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => void this.#flush());
    }
    return promise;
  }

  /** From now on a message that cannot be deleted is soon given up. */
  leave(): void {
    this.#leaving = true;
  }

  async #flush(): Promise<void> {
    this.#scheduled = false;
    const batch = new Map(this.#pending.splice(0).map((pending) => [pending.held, pending]));
    const { done, gone, failed, error } = await this.#requests.delete([...batch.keys()]);
    for (const held of [...done, ...gone]) batch.get(held)?.settled();
    if (gone.length > 0) this.#logger.debug(`${gone.length} handled messages were deleted already, or come again`);
    if (failed.length > 0)
      this.#retry(
        failed.map((held) => batch.get(held)).filter((pending) => pending !== undefined),
        error,
      );
  }

  #retry(failed: readonly Pending[], error: unknown): void {
    const reason = error === undefined ? 'SQS failed' : errorMessage(error);
    const hopeless = failed.filter(({ since }) => this.#leaving && Date.now() - since >= leavingMs);
    if (hopeless.length > 0) {
      this.#logger.warn(`${hopeless.length} handled messages could not be deleted and come again: ${reason}`);
      for (const { settled } of hopeless) settled();
    }
    const again = failed.filter((pending) => !hopeless.includes(pending));
    if (again.length === 0) return;
    this.#logger.debug(`could not delete ${again.length} handled messages yet: ${reason}`);
    setTimeout(() => {
      this.#pending.push(...again);
      if (!this.#scheduled) void this.#flush();
    }, retryMs);
  }
}
