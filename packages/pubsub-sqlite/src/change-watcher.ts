import { type FSWatcher, watch } from 'node:fs';
import type { SqliteDatabase } from '@outrigger/sqlite-client';

/** How often to look nevertheless where the file system tells of changes. */
const safetyNetMs = 1000;

/**
 * Notices that another connection, mostly of another process, has changed the database. Where the file system tells of
 * writes (as local ones do), within about a millisecond and at no cost while nothing happens; elsewhere, or until it has told
 * of one, by looking every `pollMs`.
 */
export class ChangeWatcher implements Disposable {
  readonly #db: SqliteDatabase;
  readonly #changed: () => void;
  readonly #pollMs: number;
  #seen: unknown;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #told = false;
  #disposed = false;

  /** `file` is the one that a commit writes to: the write-ahead log, or the database itself without one. */
  constructor(db: SqliteDatabase, file: string, pollMs: number, changed: () => void) {
    this.#db = db;
    this.#changed = changed;
    this.#pollMs = pollMs;
    try {
      this.#seen = this.#currentVersion();
    } catch {
      // then the first look that succeeds finds a change
    }
    try {
      this.#watcher = watch(file, (event) => this.#notify(event)).on('error', () => this.#stopWatching());
    } catch {
      // not possible here (no such facility, or too many watches): looking is enough
    }
    this.#lookIn(pollMs);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #notify(event: 'rename' | 'change'): void {
    if (event === 'rename') this.#stopWatching(); // the file was replaced or deleted
    else this.#told = true;
    this.#look();
  }

  #stopWatching(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#told = false;
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#disposed) this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    let version: unknown;
    try {
      version = this.#currentVersion();
    } catch {
      // Somebody has the file to himself for a moment, as every commit does without a write-ahead log.
      this.#lookIn(this.#pollMs);
      return;
    }
    this.#lookIn(this.#told ? safetyNetMs : this.#pollMs);
    if (version === this.#seen) return;
    this.#seen = version;
    this.#changed();
  }

  #currentVersion(): unknown {
    return this.#db.statement('PRAGMA data_version').get()?.['data_version'];
  }
}
