import type { Logger } from '@outrigger/core';

import type { Configuration } from '../resources/configuration.ts';
import { isSame } from './same.ts';

/** What whoever serves the runtime makes of a changed Configuration. */
export interface ConfigurationChange {
  /** Sections that have changed and take effect with the next start only: `spec.metric`. */
  readonly afterRestart: readonly string[];
  /** Goes by the Configuration from now on. */
  readonly apply: () => void;
}

export interface ConfigurationReloadsOptions {
  readonly initial: Configuration;
  /** Reads the files again. Rejects with a ResourceError when one of them is wrong. */
  readonly load: () => Promise<Configuration>;
  /** Throws, with the way to mend it, for a Configuration that cannot be used. */
  readonly reconfigure: ((next: Configuration, was: Configuration) => ConfigurationChange) | undefined;
  /** Makes the building blocks go by {@link ConfigurationReloads.current}. */
  readonly follow: (was: Configuration, signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** Sections that something holds on to for as long as the runtime lives. */
const fixed = ['httpPipeline', 'appHttpPipeline', 'nameResolution', 'features'] as const;

/** Makes what runs follow the Configuration. One reload waits for the other. */
export class ConfigurationReloads {
  readonly #options: ConfigurationReloadsOptions;
  /** As it was read last. */
  #read: Configuration;
  #current: Configuration;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigurationReloadsOptions) {
    this.#options = options;
    this.#read = options.initial;
    this.#current = options.initial;
  }

  /** What runs goes by this: what takes a restart is here as it was at the start. */
  get current(): Configuration {
    return this.#current;
  }

  /** Rejects when the files cannot be used; then nothing has changed. */
  reload(signal: AbortSignal): Promise<void> {
    const reloading = this.#last.then(() => this.#reload(signal));
    this.#last = reloading.catch(() => {});
    return reloading;
  }

  async settled(): Promise<void> {
    await this.#last;
  }

  async #reload(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { initial, load, reconfigure, follow, logger } = this.#options;
    const was = this.#current;
    const next = await load();
    signal.throwIfAborted();
    if (isSame(next, this.#read)) return;
    const change = reconfigure?.(next, this.#read);
    const waiting = [
      ...fixed.filter((name) => !isSame(next[name], this.#read[name])).map((name) => `spec.${name}`),
      ...(change?.afterRestart ?? []),
    ];
    this.#read = next;
    const { httpPipeline, appHttpPipeline, nameResolution, features } = initial;
    this.#current = { ...next, httpPipeline, appHttpPipeline, features, ...(nameResolution && { nameResolution }) };
    change?.apply();
    await follow(was, signal);
    logger.info('the Configuration was read again');
    if (waiting.length > 0) {
      logger.warn(
        `of the Configuration, ${waiting.join(', ')} changed: that takes effect when the sidecar starts anew`,
      );
    }
  }
}
