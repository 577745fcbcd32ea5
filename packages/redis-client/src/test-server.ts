import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis server of a test's own on a free port of 127.0.0.1, with its own folder; needs `redis-server` in the PATH. */
export class TestServer implements AsyncDisposable {
  readonly port: number;
  readonly #arguments: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'redis-test-'));
  #process: ChildProcess | undefined;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#arguments = args;
  }

  /** Resolves once it accepts connections. `args` are options of redis-server: `['--requirepass', 'secret']`. */
  static async start(...args: readonly string[]): Promise<TestServer> {
    const server = new TestServer(await freePort(), args);
    await server.restart();
    return server;
  }

  /** `127.0.0.1:<port>`, as `redisHost` wants it. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it again, on the same port and folder, after {@link kill}. */
  async restart(): Promise<void> {
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    const child = spawn('redis-server', [...this.#arguments, ...fixed], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    // a test run that is cut short leaves no server behind
    const killNow = () => void child.kill('SIGKILL');
    process.once('exit', killNow);
    child.once('exit', () => process.off('exit', killNow));
    for await (const line of createInterface(child.stdout)) {
      if (/Ready to accept connections|Sentinel ID is/.test(line)) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`redis-server ended before it was ready: ${[...this.#arguments, ...fixed].join(' ')}`);
  }

  /** Ends it at once (`kill -9`); what it had only in memory is lost. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Stops it in its tracks, connections open, until {@link thaw}. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}
