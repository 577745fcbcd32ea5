import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions extends SpawnOptions {
  /** `pipe`: its standard input stays open for as long as the process that started it lives. Default: it has none. */
  readonly stdin?: 'ignore' | 'pipe';
}

/** A process that a test started; disposal ends it by its own process id. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly exited: Promise<Exit>;
  #output = '';
  readonly #watchers = new Set<() => void>();

  constructor(command: string, args: readonly string[], { stdin = 'ignore', ...options }: ChildOptions = {}) {
    this.#process = spawn(command, args, { ...options, stdio: [stdin, 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        for (const watch of this.#watchers) watch();
      });
    }
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (code, signal) => resolve({ code, signal }));
    });
    // who does not wait for the exit is told through `line`
    this.exited.catch(() => {});
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the process did not start');
    return this.#process.pid;
  }

  /** All it has written so far, both streams. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves once its output matches; rejects with the output when it ends or `timeoutMs` passes first. */
  async line(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(this.#output);
      if (match) resolve(match);
    };
    this.#watchers.add(look);
    const timer = setTimeout(
      () => reject(new Error(`no ${String(pattern)} within ${timeoutMs} ms in:\n${this.#output}`)),
      timeoutMs,
    );
    this.exited.then(
      ({ code, signal }) => reject(new Error(`ended (${code ?? signal}) before ${String(pattern)}:\n${this.#output}`)),
      reject,
    );
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Sends a signal and resolves with how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.running) this.#process.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running) return;
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    this.#process.kill('SIGTERM');
    await once(this.#process, 'close');
    clearTimeout(timer);
  }
}
