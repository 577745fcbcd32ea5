import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

import { errorMessage, type Logger } from '@outrigger/core';
import type { Runtime } from '@outrigger/runtime';

/** SIGHUP: the policies are read again; or, when it says that the terminal was closed, this process ends. */
export class Hangup implements Disposable {
  readonly #hadTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  readonly #onSignal: () => void;

  /** `stop`: wishes that the process ends. */
  constructor(
    runtime: Pick<Runtime, 'reloadResiliencies' | 'resiliencies'>,
    stop: (reason: string) => void,
    logger: Logger,
  ) {
    this.#onSignal = () => {
      if (this.#hadTerminal && !hasTerminal()) stop('received SIGHUP: the terminal is gone');
      else void reloadPolicies(runtime, logger);
    };
    process.on('SIGHUP', this.#onSignal);
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onSignal);
  }
}

/** Never rejects: the outcome is in the log. */
async function reloadPolicies(
  runtime: Pick<Runtime, 'reloadResiliencies' | 'resiliencies'>,
  logger: Logger,
): Promise<void> {
  try {
    await runtime.reloadResiliencies();
    const names = runtime.resiliencies.join(', ');
    logger.info(
      `received SIGHUP: the Resiliency resources were read again: ${names === '' ? 'there are none' : names}`,
    );
  } catch (error) {
    logger.error('received SIGHUP: the Resiliency resources cannot be used, everything stays as it was:');
    for (const problem of errorMessage(error).split('\n')) logger.error(problem);
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
