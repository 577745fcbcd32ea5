import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
    TEST_RABBITMQ_URL: `amqp://guest:guest@${process.env['OUTRIGGER_TEST_RABBITMQ'] ?? ''}`,
    TEST_PULSAR_URL: `http://${process.env['OUTRIGGER_TEST_PULSAR'] ?? ''}`,
    TEST_AWS_URL: `http://${process.env['OUTRIGGER_TEST_AWS'] ?? ''}`,
    TEST_POSTGRES_URL: `postgres://postgres@${process.env['OUTRIGGER_TEST_POSTGRES'] ?? ''}/postgres?sslmode=disable`,
    TEST_MONGO_URL: `mongodb://${process.env['OUTRIGGER_TEST_MONGO'] ?? ''}/?directConnection=true`,
    TEST_VAULT_URL: `http://${process.env['OUTRIGGER_TEST_VAULT'] ?? ''}`,
    TEST_SECRET_encryptionkey: randomBytes(32).toString('hex'),
  };

  /** Writes a file below the folder, with the folders it is in, and hands back its path. */
  file(name: string, content: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A folder of `resources/`. */
export type Backend = 'memory' | 'sqlite' | 'redis' | 'kafka' | 'rabbitmq' | 'pulsar' | 'aws';

/** The YAML of one backend; the only thing that differs between the runs of a suite. */
export function resourcesOf(backend: Backend): string {
  return fileURLToPath(new URL(`../resources/${backend}`, import.meta.url));
}

export const configFile = fileURLToPath(new URL('../resources/config.yaml', import.meta.url));
