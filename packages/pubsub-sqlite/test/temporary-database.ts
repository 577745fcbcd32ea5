import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A path for a database in a folder of its own, which is deleted with all that is in it. */
export class TemporaryDatabase implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pubsub-sqlite-'));
  readonly path = join(this.#folder, 'messages.db');

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
