import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { KeeperMessage } from './keeper-message.ts';

/** The hidden command of the process that ends what another has started. */
export const keeperCommand = '__keep';

/** The process that ends what this one has started, should this one be killed. Disposal ends it; what it still keeps ends as well. */
export class Keeper implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor() {
    this.#process = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', keeperCommand], {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    // it may be killed, too: then nobody looks after us, which is no reason to end
    this.#process.stdin?.on('error', () => {});
    this.#process.on('error', () => {});
  }

  tell(message: KeeperMessage): void {
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined) return;
    const exit = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await exit;
  }
}
