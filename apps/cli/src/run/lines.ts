import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { styleText } from 'node:util';
import type { LogDestination } from './app-settings.ts';

type Color = Parameters<typeof styleText>[0];

export interface LinesOptions {
  /** Before each line on the console. */
  readonly prefix: string;
  readonly color: Color;
  readonly destination: LogDestination;
  readonly file: string;
}

const mostRecent = 50;

/** Where the lines of one process go: the console, with a prefix, and a file. Disposal resolves once the file has them all. */
export class Lines implements AsyncDisposable {
  /** Absent: they go to no file. */
  readonly path: string | undefined;
  /** The last lines, for a message that says why the process ended. */
  readonly recent: string[] = [];
  readonly #prefix: string | undefined;
  readonly #file: WriteStream | undefined;

  constructor({ prefix, color, destination, file }: LinesOptions) {
    // colours only where somebody looks: NO_COLOR and what is no terminal are respected
    if (destination !== 'file') this.#prefix = styleText(color, prefix, { stream: process.stdout });
    if (destination === 'console') return;
    mkdirSync(dirname(file), { recursive: true });
    this.path = file;
    this.#file = createWriteStream(file);
  }

  readonly write = (line: string): void => {
    this.recent.push(line);
    if (this.recent.length > mostRecent) this.recent.shift();
    if (this.#prefix !== undefined) process.stdout.write(`${this.#prefix}${line}\n`);
    this.#file?.write(`${line}\n`);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#file === undefined) return;
    this.#file.end();
    await finished(this.#file);
  }
}
