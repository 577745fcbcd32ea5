import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const cache =
  process.env['OUTRIGGER_BACKENDS_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'outrigger-backends');
const command = [...globSync(join(cache, 'moto-*/bin/moto_server'))].find((path) => existsSync(path));

/** Whether e2e/backends/up.sh has installed moto on this machine. */
export const hasMotoServer = command !== undefined;

/** A moto server of its own, for what would disturb other tests. */
export class MotoServer implements AsyncDisposable {
  readonly endpoint: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  static async start(env: Record<string, string> = {}): Promise<MotoServer> {
    const port = await freePort();
    const args = ['-H', '127.0.0.1', '-p', String(port)];
    const child = spawn(command ?? '', args, { stdio: 'ignore', env: { ...process.env, ...env } });
    const server = new MotoServer(child, port);
    while (!(await listens(port))) {
      if (child.exitCode !== null) throw new Error('moto_server ended while it started');
    }
    return server;
  }

  /** It answers nothing until {@link thaw}, and connections stay open. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return await delay(100, false);
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
