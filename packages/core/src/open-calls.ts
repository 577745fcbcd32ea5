import { ComponentError } from './errors.ts';
import { abortable } from './resilience/abortable.ts';
import { policy } from './resilience/policy.ts';
import { timeout, TimeoutError } from './resilience/timeout.ts';

export interface OpenCallsOptions {
  /** How messages call the other side: `AWS Secrets Manager`. */
  readonly server: string;
  /** Milliseconds that one request may take. */
  readonly timeout: number;
}

/**
 * The calls that a component has under way to a server that it holds no connection to: each ends at once when its caller gives
 * up, each of its requests has a limited time, and closing waits for them.
 *
 * @example
 * get = (name, signal) => this.#calls.run(() => this.#calls.request((attempt) => fetch(url, { signal: attempt }), signal), signal);
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
   * A whole call, of one request or many: settles as it does. Rejects with the signal's reason as soon as that aborts, and with
   * `unavailable` after {@link close}.
   */
  async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#isClosed) throw new ComponentError('unavailable', `the component for ${this.#server} is closed`);
    signal.throwIfAborted();
    const running = call();
    this.#open.add(running);
    const forget = () => void this.#open.delete(running);
    running.then(forget, forget);
    return await abortable(running, signal);
  }

  /**
   * One request: settles as it does. Its own signal aborts with the given one and when the time is up, which is a rejection with
   * `deadline-exceeded`.
   */
  async request<T>(send: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await this.#limit.execute(send, signal);
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
}
