import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';

import { idOf, type LaneName, type MessageId, type NumberedMessage } from './message.ts';

/** What an app did with a message. `failed`: it answered so that the message has to come again, or did not answer. */
export type Deed = 'handled' | 'failed' | 'dropped' | 'dead';

export interface RecordEntry {
  readonly deed: Deed;
  readonly lane: LaneName;
  readonly key: number;
  readonly seq: number;
  /** Which app wrote it. */
  readonly by: string;
}

/**
 * Appends to the record that all apps of a run share. Each line is one write to a file opened for appending, so lines stand in
 * the order of the writes, and one that is written outlives the death of its writer.
 */
export class RecordWriter {
  readonly #file: number;
  readonly #by: string;

  constructor(path: string, by: string) {
    this.#file = openSync(path, 'a');
    this.#by = by;
  }

  write(deed: Deed, { lane, key, seq }: Pick<NumberedMessage, 'lane' | 'key' | 'seq'>): void {
    writeSync(this.#file, `${deed} ${lane} ${key} ${seq} ${this.#by}\n`);
  }
}

/** Reads the record while it grows. */
export class RecordReader implements Disposable {
  readonly path: string;
  readonly #file: number;
  readonly #entries: RecordEntry[] = [];
  readonly #settled = new Set<MessageId>();
  readonly #buffer = Buffer.alloc(1 << 20);
  #rest = '';
  #offset = 0;

  constructor(path: string) {
    writeFileSync(path, '');
    this.path = path;
    this.#file = openSync(path, 'r');
  }

  /** All lines so far, in the order they were written. */
  entries(): readonly RecordEntry[] {
    for (;;) {
      const length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, this.#offset);
      if (length === 0) return this.#entries;
      this.#offset += length;
      const lines = (this.#rest + this.#buffer.toString('latin1', 0, length)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#add(line);
    }
  }

  /** The messages that were handled, or dropped and then found in the dead letter topic. */
  settled(): ReadonlySet<MessageId> {
    this.entries();
    return this.#settled;
  }

  #add(line: string): void {
    const [deed, lane, key, seq, by = ''] = line.split(' ');
    const entry = { deed: deed as Deed, lane: lane as LaneName, key: Number(key), seq: Number(seq), by };
    this.#entries.push(entry);
    if (entry.deed === 'handled' || entry.deed === 'dead') this.#settled.add(idOf(entry));
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
