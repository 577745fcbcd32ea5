import { noPolicy, type Policy } from '@outrigger/core';

/**
 * Whether a subscription is leaving (paused or closing), and what that means for deliveries under way: an attempt that runs
 * may end, no new one begins, and what has not succeeded by then is given back to the broker.
 */
export class Leave {
  #leaving = false;
  readonly #cut = new AbortController();
  /** Deliveries under a policy: those between two attempts are woken when leaving begins. */
  readonly #waiting = new Set<AbortController>();
  #combined: { readonly own: AbortSignal; readonly both: AbortSignal } | undefined;

  get leaving(): boolean {
    return this.#leaving;
  }

  begin(): void {
    this.#leaving = true;
    for (const controller of this.#waiting) controller.abort(givenBack());
  }

  end(): void {
    this.#leaving = false;
  }

  /** Aborts deliveries that still run; what they return later is not waited for. */
  cut(): void {
    this.#cut.abort(givenBack());
  }

  /** The component's signal with {@link cut}; components use one signal for long, so the last is kept. */
  signalWith(own: AbortSignal): AbortSignal {
    if (this.#combined?.own !== own) this.#combined = { own, both: AbortSignal.any([own, this.#cut.signal]) };
    return this.#combined.both;
  }

  /** Makes a call under a policy; as long as nothing leaves, exactly as the policy would. */
  async execute(policy: Policy, call: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (policy === noPolicy) return call(signal);
    const retries = new AbortController();
    try {
      await policy.execute(
        async (attempt) => {
          this.#waiting.delete(retries);
          try {
            await call(attempt);
          } catch (error) {
            if (this.#leaving) retries.abort(givenBack());
            else this.#waiting.add(retries);
            throw error;
          }
        },
        AbortSignal.any([signal, retries.signal]),
      );
    } finally {
      this.#waiting.delete(retries);
    }
  }
}

function givenBack(): Error {
  return new Error('the subscription is leaving; the message goes back to the broker');
}
