import { errorMessage, type Logger } from '@outrigger/core';

/** Whether the file can be worked with: that it cannot is said once, whoever notices, and that it can again, too. */
export class Trouble {
  readonly #logger: Logger;
  #lasting = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Something could not be done and is tried again: `could not <what>`. */
  report(what: string, error: unknown): void {
    const message = `could not ${what}, trying again: ${errorMessage(error)}`;
    if (this.#lasting) this.#logger.debug(message);
    else this.#logger.warn(message);
    this.#lasting = true;
  }

  /** The file could be written. */
  over(): void {
    if (this.#lasting) this.#logger.info('the SQLite file can be written again');
    this.#lasting = false;
  }
}
