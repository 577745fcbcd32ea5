import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** The command, from its source, in a process that may be killed. */
export class ServingProcess implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'outrigger-s-'));
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  /** @param args of the command, the folder of the sockets apart */
  constructor(...args: readonly string[]) {
    this.#args = args;
  }

  /** Resolves once its components can be used. */
  async start(): Promise<void> {
    const args = ['--conditions=@outrigger/source', command, '--folder', this.folder, ...this.#args];
    const child = spawn(process.execPath, args, {
      cwd: dirname(fileURLToPath(import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (output.includes(' serving ')) resolve();
        });
      }
      child.once('exit', () => reject(new Error(`the command ended: ${output}`)));
    });
  }

  /** Without a chance to do anything more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
