import { type Logger, sleep } from '@outrigger/core';

const signals = ['SIGTERM', 'SIGINT'] as const;

/** The wish that this process ends, whoever has it: a signal or the shutdown API. A further signal while it ends makes it end at once. */
export class Stop implements Disposable {
  readonly #logger: Logger;
  readonly #controller = new AbortController();
  #blocking: AbortController | undefined;
  readonly #onSignal: (signal: NodeJS.Signals) => void;

  /** Resolves with the first wish. */
  readonly requested: Promise<void>;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.requested = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#onSignal = (signal) => {
      if (!this.signal.aborted) this.request(`received ${signal}`);
      else if (this.#blocking) this.#blocking.abort();
      else process.exit(1);
    };
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  /** Aborts with the first wish; for what waits during the start. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  request(reason: string): void {
    if (this.signal.aborted) return;
    this.#logger.info(reason);
    this.#controller.abort(new Error(reason));
  }

  /**
   * Goes on serving for a while after the wish, but not longer than the app can use it: `appUnhealthy` resolves when it cannot. A
   * further signal ends the wait, and only the one after that the process.
   */
  async block(milliseconds: number, appUnhealthy: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#logger.info(`blocking shutdown for ${milliseconds} ms, or until the app is unhealthy`);
    const blocking = new AbortController();
    this.#blocking = blocking;
    // the only way it rejects is that further signal
    await Promise.race([sleep(milliseconds, blocking.signal), appUnhealthy(blocking.signal)]).catch(() => {});
    blocking.abort();
    this.#blocking = undefined;
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
  }
}
