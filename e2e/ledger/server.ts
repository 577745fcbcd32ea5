import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Child } from '../processes/child.ts';

const scripts = fileURLToPath(new URL('../backends/', import.meta.url));

/** A broker's server of the ledger's own, started by `e2e/backends/up.sh`, which may be killed and frozen. */
export class Server implements AsyncDisposable {
  readonly name: string;
  /** What `up.sh` exported: addresses of the server, by the variable that tests read. */
  readonly variables: Readonly<Record<string, string>> = {};
  readonly #run = mkdtempSync(join(tmpdir(), 'outrigger-ledger-server-'));

  readonly #settings: Readonly<Record<string, string>>;

  private constructor(name: string, settings: Readonly<Record<string, string>>) {
    this.name = name;
    this.#settings = settings;
  }

  /** `settings`: environment variables for the script that starts it. */
  static async start(name: string, settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const server = new Server(name, settings);
    try {
      const output = await server.up();
      for (const [, variable = '', value = ''] of output.matchAll(/^export (\w+)=(.*)$/gm)) {
        Object.assign(server.variables, { [variable]: value });
      }
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #pid(): number {
    return Number(readFileSync(join(this.#run, this.name, 'pid'), 'utf8').split('\n')[0]);
  }

  /** `host:port` that the server listens on. */
  get address(): string {
    const address = this.variables[`OUTRIGGER_TEST_${this.name.toUpperCase()}`];
    if (address === undefined) throw new Error(`up.sh exported no address of ${this.name}`);
    return address;
  }

  /** `kill -9`. It comes back with {@link up}, on its port and with its data. */
  kill(): void {
    process.kill(this.#pid, 'SIGKILL');
  }

  freeze(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  /** Starts it unless it runs, and resolves with the output once it serves. */
  up(): Promise<string> {
    return this.#script('up.sh', '--local', this.name);
  }

  async #script(script: string, ...args: string[]): Promise<string> {
    const child = new Child(join(scripts, script), args, {
      env: { ...process.env, ...this.#settings, OUTRIGGER_BACKENDS_RUN: this.#run },
      // a Ctrl-C is for the ledger, which stops the server itself
      detached: true,
    });
    const { code } = await child.exited;
    if (code !== 0) throw new Error(`${script} ${args.join(' ')} failed:\n${child.output}`);
    return child.output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script('down.sh');
    rmSync(this.#run, { recursive: true, force: true });
  }
}

/** A program that holds a lock until it is told to let go; `script` prints `held` once it has it. */
export async function holdLock(script: string, ...args: string[]): Promise<Child> {
  const child = new Child(process.execPath, ['--input-type=module', '--eval', script, ...args]);
  await child.line(/held/);
  return child;
}
