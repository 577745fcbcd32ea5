import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder for one test's databases and files, and the environment that points the shared YAML to them. */
export class Workspace implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));

  readonly env: Readonly<Record<string, string>> = {
    TEST_DATABASE_STATE: join(this.path, 'state.db'),
    TEST_DATABASE_PUBSUB: join(this.path, 'pubsub.db'),
    TEST_DATABASE_NAMES: join(this.path, 'names.db'),
    TEST_SECRETS_FILE: this.file(
      'secrets.json',
      JSON.stringify({ conftestsecret: 'abcd', database: { password: 'efgh' } }),
    ),
  };

  /** Writes a file below the folder and hands back its path. */
  file(name: string, content: string): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The YAML of one backend; the only thing that differs between the runs of a suite. */
export function resourcesOf(backend: 'memory' | 'sqlite' | 'redis'): string {
  return fileURLToPath(new URL(`../resources/${backend}`, import.meta.url));
}

export const configFile = fileURLToPath(new URL('../resources/config.yaml', import.meta.url));
