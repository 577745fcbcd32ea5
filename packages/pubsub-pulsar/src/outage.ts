import type { Logger } from '@outrigger/core';

/** Says once that connections of one component are lost, and once that all are back. */
export class Outage {
  readonly #lost = new Set<object>();
  readonly #logger: Logger;
  readonly #address: string;

  constructor(logger: Logger, address: string) {
    this.#logger = logger;
    this.#address = address;
  }

  begins(connection: object, reason: string): void {
    if (this.#lost.size === 0)
      this.#logger.warn(`lost the connection to Pulsar at ${this.#address}, trying again: ${reason}`);
    this.#lost.add(connection);
  }

  ends(connection: object): void {
    if (this.#lost.delete(connection) && this.#lost.size === 0)
      this.#logger.info(`connected to Pulsar at ${this.#address} again`);
  }

  /** It is closed on purpose and no longer waited for. */
  forget(connection: object): void {
    this.#lost.delete(connection);
  }
}
