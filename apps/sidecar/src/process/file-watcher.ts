import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

import { errorMessage, type Logger } from '@outrigger/core';

export interface FileWatcherOptions {
  /** Any change in them counts. */
  readonly folders?: readonly string[];
  /** Changes of these count, also when another file takes their place. */
  readonly files?: readonly string[];
  /** What is in them, for the log: `resources`. */
  readonly what: string;
  /** Called after changes, never again before it has resolved. A rejection is logged. */
  readonly onChange: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds after which everything is looked at even if no change was noticed. 0: never. */
  readonly reconcileInterval: number;
  readonly logger: Logger;
}

/** Changes that come within this many milliseconds are one: an editor writes, renames and removes for one save. */
const settleMs = 100;

/** Tells of changes until disposal. What replaces a folder itself is noticed with the next reconciliation. */
export class FileWatcher implements Disposable {
  readonly #options: FileWatcherOptions;
  /** Whether a file of a folder counts. */
  readonly #counts = new Map<string, (name: string | null) => boolean>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #ended = new AbortController();
  readonly #reconcile: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;
  #changing: Promise<void> = Promise.resolve();
  #lastProblem = '';

  constructor(options: FileWatcherOptions) {
    const { folders = [], files = [], reconcileInterval } = options;
    this.#options = options;
    for (const [folder, inside] of Map.groupBy(files, dirname)) {
      const names = new Set(inside.map((file) => basename(file)));
      // files of a ConfigMap are links by way of `..data`, which is what is replaced
      this.#counts.set(folder, (name) => name === null || names.has(name) || name.startsWith('..'));
    }
    for (const folder of folders) this.#counts.set(folder, () => true);
    for (const folder of this.#counts.keys()) this.#watch(folder);
    if (reconcileInterval > 0 && this.#counts.size > 0) {
      this.#reconcile = setInterval(() => {
        for (const folder of this.#counts.keys()) this.#watch(folder);
        this.#changed();
      }, reconcileInterval).unref();
    }
  }

  /** Anew each time, since a folder of this name may be another one by now. */
  #watch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (this.#counts.get(folder)?.(name)) this.#noticed();
      });
      watcher.on('error', (error) => {
        this.#options.logger.warn(`${folder} cannot be watched any more: ${errorMessage(error)}`);
        watcher.close();
      });
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#options.logger.warn(`${folder} cannot be watched for changes: ${errorMessage(error)}`);
    }
  }

  #noticed(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#changed(), settleMs);
  }

  #changed(): void {
    const { onChange, what, logger } = this.#options;
    const { signal } = this.#ended;
    this.#changing = this.#changing.then(async () => {
      if (signal.aborted) return;
      try {
        await onChange(signal);
        this.#lastProblem = '';
      } catch (error) {
        const problem = errorMessage(error);
        // a reconciliation finds the same mistake again
        if (signal.aborted || problem === this.#lastProblem) return;
        this.#lastProblem = problem;
        logger.error(`changed ${what} cannot be used, everything stays as it was:`);
        for (const line of problem.split('\n')) logger.error(line);
      }
    });
  }

  [Symbol.dispose](): void {
    this.#ended.abort(new Error('changes are not followed any more'));
    clearInterval(this.#reconcile);
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
  }
}
