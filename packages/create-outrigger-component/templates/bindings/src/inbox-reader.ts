import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { BindingEventHandler, Subscription } from '@outrigger/core';

/** Hands over the files of a folder, one by one in the order of their names. A file is deleted once its handler has resolved. */
export class InboxReader implements Subscription {
  readonly #folder: string;
  readonly #pollInterval: number;
  readonly #handler: BindingEventHandler;
  readonly #leaving = new AbortController();
  // handlers are always waited for, so this never aborts
  readonly #signal = new AbortController().signal;
  readonly #ended: Promise<void>;
  #isPaused = false;

  constructor(folder: string, pollInterval: number, handler: BindingEventHandler) {
    this.#folder = folder;
    this.#pollInterval = pollInterval;
    this.#handler = handler;
    this.#ended = this.#run();
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      const names = await readdir(this.#folder).catch(() => []);
      for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
        if (signal.aborted || this.#isPaused) break;
        if (!name.startsWith('.')) await this.#handOver(name);
      }
      await pause(this.#pollInterval, undefined, { signal }).catch(() => {});
    }
  }

  /** A file whose handler rejects stays where it is, and so comes again. */
  async #handOver(name: string): Promise<void> {
    const path = join(this.#folder, name);
    try {
      await this.#handler({ data: await readFile(path), metadata: { name } }, this.#signal);
      await rm(path, { force: true });
    } catch {
      // the engine has said why
    }
  }
}
