import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../user-error.ts';
import type { Keeper } from './keeper.ts';

export interface GroupOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly keeper: Keeper;
  /** Takes one line of either stream, without its end. */
  readonly onLine: (line: string) => void;
}

/** A command that runs in a process group of its own, so that what it starts ends with it, and Ctrl-C reaches it only through us. */
export class ProcessGroup {
  /** Resolves to the exit code; a signal counts as 128 and its number's place, as in a shell. */
  readonly exited: Promise<number>;
  readonly #process: ChildProcess;
  readonly #keeper: Keeper;

  private constructor(child: ChildProcess, { keeper, onLine }: GroupOptions) {
    this.#process = child;
    this.#keeper = keeper;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
    }
    // `close`, not `exit`: its last lines are read by then; but who has its output and lives on keeps that open
    const closed = Promise.race([once(child, 'close'), once(child, 'exit').then(() => delay(500))]);
    this.exited = closed.then(() => exitCodeOf(child));
  }

  /** Resolves once the command runs. Rejects with a {@link UserError} when there is none of this name. */
  static async start(command: readonly string[], options: GroupOptions): Promise<ProcessGroup> {
    const [file = '', ...args] = command;
    const child = spawn(file, args, {
      cwd: options.folder,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const group = new ProcessGroup(child, options);
    group.exited.catch(() => {});
    try {
      await once(child, 'spawn');
    } catch (error) {
      const reason =
        (error as NodeJS.ErrnoException).code === 'ENOENT'
          ? 'there is no such command, or no such folder'
          : String(error);
      throw new UserError(`cannot start "${file}" in ${options.folder}: ${reason}`, { cause: error });
    }
    options.keeper.tell({ group: group.pid });
    return group;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /**
   * Asks all processes of the group to end and resolves once they have; after `graceMs`, or once `impatience` aborts, they are
   * killed.
   */
  async stop(graceMs: number, impatience: AbortSignal): Promise<void> {
    this.#signal('SIGTERM');
    const end = performance.now() + graceMs;
    while (this.#signal(0) && performance.now() < end && !impatience.aborted) await delay(20);
    this.#signal('SIGKILL');
    if (this.isRunning) await once(this.#process, 'exit');
    this.#keeper.tell({ group: this.pid, gone: true });
  }

  /** Whether there is anybody in the group. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      process.kill(-this.pid, signal);
      return true;
    } catch {
      return false;
    }
  }
}

function exitCodeOf({ exitCode, signalCode }: ChildProcess): number {
  return exitCode ?? 128 + (signalCode ? constants.signals[signalCode] : 0);
}
