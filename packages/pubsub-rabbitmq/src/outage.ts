import { ComponentError, errorMessage, type Logger } from '@outrigger/core';

/** Tells of an outage once, however many connections are lost and however often they are tried; and once that it is over. */
export class Outage {
  readonly #logger: Logger;
  readonly #where: string;
  readonly #away = new Set<object>();
  #told = '';

  constructor(logger: Logger, where: string) {
    this.#logger = logger;
    this.#where = where;
  }

  lost(who: object, error: unknown): void {
    if (this.#away.size === 0) this.#logger.warn(`lost ${this.#where}, reconnecting: ${errorMessage(error)}`);
    this.#away.add(who);
  }

  /** An attempt failed. What waiting will not mend is worth a line of its own. */
  stillAway(error: unknown): void {
    const message = errorMessage(error);
    if (ComponentError.is(error) && !error.retryable && message !== this.#told) {
      this.#told = message;
      this.#logger.error(`cannot reconnect: ${message}`);
    } else this.#logger.debug(`cannot reconnect yet: ${message}`);
  }

  back(who: object): void {
    if (!this.#away.delete(who) || this.#away.size > 0) return;
    this.#told = '';
    this.#logger.info(`${this.#where} is back`);
  }

  /** Nobody waits for it any more. */
  gone(who: object): void {
    this.#away.delete(who);
  }
}
