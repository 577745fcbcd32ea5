import { ComponentError } from './errors.ts';
import { policy } from './resilience/policy.ts';
import { timeout, TimeoutError } from './resilience/timeout.ts';

export interface OpenCallsOptions {
  /** How messages call the other side: `AWS Secrets Manager`. */
  readonly server: string;
  /** Milliseconds that one call may take. */
  readonly timeout: number;
}

/**
 * The calls that a component has under way to a server that it holds no connection to: each has a limited time and ends at once
 * when its caller gives up, and closing waits for them.
 *
 * @example
 * get = (request, signal) => this.#calls.run((attempt) => fetch(url, { signal: attempt }), signal);
 */
export class OpenCalls {
  readonly #server: string;
  readonly #limit: ReturnType<typeof policy>;
  readonly #open = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor({ server, timeout: duration }: OpenCallsOptions) {
    this.#server = server;
    this.#limit = policy([timeout(duration)]);
  }

  /**
   * Settles as the call does. Rejects with the signal's reason once that aborts, with `deadline-exceeded` when the time is up,
   * and with `unavailable` after {@link close}. The call's own signal aborts in both of the first cases.
   */
  async run<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#isClosed) throw new ComponentError('unavailable', `the component for ${this.#server} is closed`);
    try {
      return await this.#limit.execute((attempt) => this.#track(call(attempt)), signal);
    } catch (error) {
      if (!TimeoutError.is(error) || signal.aborted) throw error;
      const message = `${this.#server} did not answer within ${error.duration / 1000} s`;
      throw new ComponentError('deadline-exceeded', message, { cause: error });
    }
  }

  /** Refuses new calls and resolves when those under way are over; how they end is told to their callers only. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#open);
  }

  #track<T>(call: Promise<T>): Promise<T> {
    this.#open.add(call);
    const forget = () => void this.#open.delete(call);
    call.then(forget, forget);
    return call;
  }
}
