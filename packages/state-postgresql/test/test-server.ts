import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** A PostgreSQL server of a test's own on a free port of 127.0.0.1, with its own data, which survive {@link kill}. */
export class TestServer implements AsyncDisposable {
  readonly port: number;
  readonly #program: string;
  readonly #settings: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'postgres-test-'));
  #process: ChildProcess | undefined;

  private constructor(port: number, program: string, settings: readonly string[]) {
    this.port = port;
    this.#program = program;
    this.#settings = settings;
  }

  /** Resolves once it accepts connections. `settings`: `name=value`. */
  static async start(program: string, ...settings: readonly string[]): Promise<TestServer> {
    const server = new TestServer(await freePort(), program, settings);
    const { uid, gid } = server.#user;
    chmodSync(server.#folder, 0o700);
    if (uid !== undefined && gid !== undefined) chownSync(server.#folder, uid, gid);
    const args = ['-D', server.#folder, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '-A', 'trust', '-N'];
    execFileSync(join(dirname(program), 'initdb'), args, { ...server.#user, cwd: '/', stdio: 'ignore' });
    await server.restart();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it again, on the same port and data. What is left of the server that was killed may take a moment to end. */
  async restart(): Promise<void> {
    for (let attempt = 1; !(await this.#launch()); attempt++) {
      if (attempt === 20) throw new Error('the server did not start');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends it at once (`kill -9`). */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** Root may not run the server; the user of the Debian package may. */
  get #user(): { uid?: number; gid?: number } {
    if (process.getuid?.() !== 0) return {};
    const id = (what: string) => Number(execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }));
    return { uid: id('-u'), gid: id('-g') };
  }

  async #launch(): Promise<boolean> {
    const fixed = [
      `port=${this.port}`,
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'logging_collector=off',
    ];
    const settings = [...fixed, 'shared_buffers=16MB', 'max_connections=40', ...this.#settings].flatMap((one) => [
      '-c',
      one,
    ]);
    const child = spawn(this.#program, ['-D', this.#folder, ...settings], {
      ...this.#user,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    // a test run that is cut short leaves no server behind
    const killNow = () => void child.kill('SIGKILL');
    process.once('exit', killNow);
    child.once('exit', () => process.off('exit', killNow));
    for await (const line of createInterface(child.stderr)) {
      if (line.includes('ready to accept connections')) {
        child.stderr.resume();
        return true;
      }
    }
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}
