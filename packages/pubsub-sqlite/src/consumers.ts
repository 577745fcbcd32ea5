import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { SqliteDatabase } from '@outrigger/sqlite-client';

const never = new AbortController().signal;

/** Where a process id means something: this machine, and on Linux this namespace of process ids (a container has its own). */
const machine = `${hostname()}/${processNamespace()}`;

/** The running consumers of the file: who holds messages, and whose are free to be taken over. */
export class Consumers {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** Says that the consumer lives for another `ttlMs`. False when others had given it up and what it held is free. */
  keepAlive(id: string, groupId: number, ttlMs: number): Promise<boolean> {
    return this.#db.immediateTransaction(() => {
      const now = Date.now();
      const { changes } = this.#db
        .statement('UPDATE pubsub_consumers SET expires_at = ? WHERE id = ?')
        .run(now + ttlMs, id);
      this.#db.statement('UPDATE pubsub_groups SET seen_at = ? WHERE id = ?').run(now, groupId);
      if (changes > 0) return true;
      this.#db
        .statement('INSERT INTO pubsub_consumers (id, group_id, machine, pid, expires_at) VALUES (?, ?, ?, ?, ?)')
        .run(id, groupId, machine, process.pid, now + ttlMs);
      return false;
    }, never);
  }

  /** Frees what this consumer still holds. */
  leave(id: string): Promise<void> {
    return this.#db.immediateTransaction(() => this.#remove(id), never);
  }

  /** Frees what other consumers of the group hold that have not been heard of in time, or whose process is gone. */
  async buryDead(groupId: number, self: string): Promise<void> {
    const others = 'SELECT id, machine, pid, expires_at FROM pubsub_consumers WHERE group_id = ? AND id <> ?';
    const rows = await this.#db.read(() => this.#db.statement(others).all(groupId, self), never);
    const now = Date.now();
    const dead = rows.filter(
      (row) => (row['expires_at'] as number) <= now || (row['machine'] === machine && !isRunning(row['pid'] as number)),
    );
    if (dead.length === 0) return;
    await this.#db.immediateTransaction(() => {
      for (const row of dead) this.#remove(row['id'] as string);
    }, never);
  }

  #remove(id: string): void {
    this.#db
      .statement('UPDATE pubsub_deliveries SET owner = NULL, available_at = ? WHERE owner = ?')
      .run(Date.now(), id);
    this.#db.statement('DELETE FROM pubsub_consumers WHERE id = ?').run(id);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // EPERM: it runs as another user
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
