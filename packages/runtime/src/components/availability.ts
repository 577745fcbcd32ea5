import { ComponentError } from '@outrigger/core';

/** What the calls of a component say of the backend behind it. */
export class Availability {
  #problem: string | undefined;

  /** Why the backend did not do the last call that needed it: it could not be reached, or did not answer in time. */
  get problem(): string | undefined {
    return this.#problem;
  }

  worked(): void {
    if (this.#problem !== undefined) this.#problem = undefined;
  }

  /** A refusal shows that the backend is there; what other layers break off says nothing. */
  failed(error: unknown): void {
    if (!ComponentError.is(error)) return;
    const isAway = error.code === 'unavailable' || error.code === 'deadline-exceeded';
    this.#problem = isAway ? error.message : undefined;
  }
}
