import { noPolicy, type Policy } from '@outrigger/core';

/** A delivery under a policy. */
interface Delivery {
  /** Ends the policy's retries; aborting it also cuts off an attempt that runs. */
  readonly retries: AbortController;
  /** The signal of the attempt that runs; `undefined` between attempts. Aborted: the policy has given the attempt up. */
  attempt: AbortSignal | undefined;
}

/**
 * Whether a subscription is leaving (paused or closing), and what that means for deliveries under way: an attempt that runs
 * may end, no new one begins, and what has not succeeded by then is given back to the broker.
 */
export class Leave {
  #leaving = false;
  readonly #cut = new AbortController();
  readonly #deliveries = new Set<Delivery>();
  #combined: { readonly own: AbortSignal; readonly both: AbortSignal } | undefined;

  get leaving(): boolean {
    return this.#leaving;
  }

  begin(): void {
    this.#leaving = true;
    for (const { attempt, retries } of this.#deliveries) {
      if (attempt === undefined || attempt.aborted) retries.abort(givenBack());
    }
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
    const delivery: Delivery = { retries: new AbortController(), attempt: undefined };
    this.#deliveries.add(delivery);
    try {
      await policy.execute(
        (attempt, count) => this.#attempt(delivery, call, attempt, count),
        AbortSignal.any([signal, delivery.retries.signal]),
      );
    } finally {
      this.#deliveries.delete(delivery);
    }
  }

  async #attempt(
    delivery: Delivery,
    call: (signal: AbortSignal) => Promise<void>,
    attempt: AbortSignal,
    count: number,
  ): Promise<void> {
    if (this.#leaving && count > 1) {
      delivery.retries.abort(givenBack());
      throw givenBack();
    }
    delivery.attempt = attempt;
    try {
      await call(attempt);
    } catch (error) {
      // one that the policy has given up may fail when the next is already under way
      if (delivery.attempt === attempt) {
        delivery.attempt = undefined;
        if (this.#leaving) delivery.retries.abort(givenBack());
      }
      throw error;
    }
  }
}

function givenBack(): Error {
  return new Error('delivery to the app is ending; what it has not handled goes back to its source');
}
