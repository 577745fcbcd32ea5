import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { vi } from 'vitest';

/** A consumer in a process of its own. */
export class ConsumerProcess implements AsyncDisposable {
  /** What it was handed, in order. */
  readonly handed: string[] = [];
  readonly #child: ChildProcess;
  #ready = false;

  constructor(connectionString: string, consumerId: string, topic: string, mode: 'quick' | 'stuck' = 'quick') {
    const script = new URL('consumer-process.ts', import.meta.url).pathname;
    const options = ['--disable-warning=ExperimentalWarning', '--conditions=@outrigger/source', script];
    this.#child = spawn(process.execPath, [...options, connectionString, consumerId, topic, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (!this.#child.stdout) throw new Error('the consumer has no output');
    createInterface(this.#child.stdout).on('line', (line) => {
      if (line === 'ready') this.#ready = true;
      else this.handed.push(line);
    });
  }

  /** Resolves once it has subscribed. */
  async ready(): Promise<void> {
    await vi.waitUntil(() => this.#ready, { timeout: 60_000, interval: 10 });
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    await once(this.#child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}
