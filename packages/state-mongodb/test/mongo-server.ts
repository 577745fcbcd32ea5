import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The program of a server that a test may have for itself, where there is one on this machine. */
export const mongoCommand = process.env['OUTRIGGER_TEST_MONGO_COMMAND'];

/** A server of one's own, which can be killed and comes back with its data. Disposal ends it and removes its data. */
export class MongoServer implements AsyncDisposable {
  readonly port: number;
  readonly host: string;
  readonly #folder: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, options: readonly string[]) {
    this.#folder = folder;
    this.port = port;
    this.host = `127.0.0.1:${port}`;
    this.#options = options;
  }

  static async start(...options: string[]): Promise<MongoServer> {
    const folder = await mkdtemp(join(tmpdir(), 'mongo-test-'));
    // without a file of its own it reads one of the machine's
    await writeFile(join(folder, 'settings.toml'), '');
    const server = new MongoServer(folder, await freePort(), options);
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resolves once it listens. */
  async restart(...options: string[]): Promise<void> {
    const paths = ['--config', join(this.#folder, 'settings.toml'), '--storage-path', join(this.#folder, 'data')];
    const address = ['--host', '127.0.0.1', '--port', String(this.port), '--cache-size', '64M', '--log-level', 'ERROR'];
    const started = spawn(mongoCommand ?? '', [...paths, ...address, ...this.#options, ...options], {
      stdio: 'ignore',
    });
    this.#process = started;
    await once(started, 'spawn');
    while (!(await listens(this.port))) {
      if (started.exitCode !== null) throw new Error(`the server ended with ${started.exitCode}`);
      await delay(50);
    }
  }

  /** As `kill -9` does it. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Lets it write down what it has in memory, as which users there are. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(how: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, 'exit');
    running.kill(how);
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
