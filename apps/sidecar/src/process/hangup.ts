import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

import { errorMessage, type Logger } from '@outrigger/core';
import type { Runtime } from '@outrigger/runtime';

type Reloadable = Pick<Runtime, 'reloadConfiguration' | 'reloadResiliencies' | 'reloadResources' | 'resiliencies'>;

/** SIGHUP: the resources are read again; or, when it says that the terminal was closed, this process ends. */
export class Hangup implements Disposable {
  readonly #hadTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  readonly #onSignal: () => void;

  /** `stop`: wishes that the process ends. */
  constructor(runtime: Reloadable, stop: (reason: string) => void, logger: Logger) {
    this.#onSignal = () => {
      if (this.#hadTerminal && !hasTerminal()) stop('received SIGHUP: the terminal is gone');
      else void reloadAll(runtime, logger);
    };
    process.on('SIGHUP', this.#onSignal);
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onSignal);
  }
}

/** First the policies alone: they can be used also where another resource is wrong. */
async function reloadAll(runtime: Reloadable, logger: Logger): Promise<void> {
  await reloadPolicies(runtime, logger);
  await reload('the Configuration', () => runtime.reloadConfiguration(), logger);
  await reload('the resources', () => runtime.reloadResources(), logger);
}

/** Never rejects: the outcome is in the log. */
async function reload(what: string, read: () => Promise<void>, logger: Logger): Promise<void> {
  try {
    await read();
  } catch (error) {
    logger.error(`received SIGHUP: ${what} cannot be used, everything stays as it was:`);
    for (const problem of errorMessage(error).split('\n')) logger.error(problem);
  }
}

async function reloadPolicies(runtime: Reloadable, logger: Logger): Promise<void> {
  const read = async (): Promise<void> => {
    await runtime.reloadResiliencies();
    const names = runtime.resiliencies.join(', ');
    logger.info(
      `received SIGHUP: the Resiliency resources were read again: ${names === '' ? 'there are none' : names}`,
    );
  };
  await reload('the Resiliency resources', read, logger);
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
