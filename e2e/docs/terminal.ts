import { Child } from '../processes/child.ts';

/** A command of a page in a terminal of its own; disposal is Ctrl-C. */
export class Terminal implements AsyncDisposable {
  readonly #child: Child;

  constructor(script: string, cwd: string, env: NodeJS.ProcessEnv) {
    // a session of its own, so that Ctrl-C reaches what it has started, and nothing else
    this.#child = new Child('bash', ['-e', '-c', script], { cwd, env, detached: true });
  }

  get output(): string {
    return this.#child.output;
  }

  get running(): boolean {
    return this.#child.running;
  }

  /** Resolves to its exit code; one that takes longer is ended and throws. */
  async end(withinMs: number): Promise<number> {
    const late = setTimeout(() => this.#signal('SIGKILL'), withinMs);
    const { code } = await this.#child.exited;
    clearTimeout(late);
    if (code === null) throw new Error(`did not end within ${withinMs / 1000} s`);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running) return;
    this.#signal('SIGINT');
    await this.end(20_000).catch(() => {});
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // all of it has ended
    }
  }
}
