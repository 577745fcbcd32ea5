import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const sidecarCommand = fileURLToPath(new URL('../node_modules/.bin/outrigger-sidecar', import.meta.url));

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A process under measurement; disposal ends it. */
export class Target implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it and waits for a line that matches. */
  static async start(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    ready: RegExp,
  ): Promise<Target> {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (ready.test((output += text))) resolve();
        if (output.length > 100_000) output = '';
      });
    }
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${command} ended:\n${output}`)));
    await promise;
    return new Target(child);
  }

  /** CPU seconds it has used so far (Linux; elsewhere 0). */
  cpuSeconds(): number {
    try {
      const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / 100;
    } catch {
      return 0;
    }
  }

  /** Resident memory in MiB (Linux; elsewhere 0). */
  residentMiB(): number {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}

/** The path of a file of this folder. */
export const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The bare node:http server on a free port; hands back its URL, too. */
export async function startBareServer(value: string): Promise<{ target: Target; url: string }> {
  const port = await freePort();
  const target = await Target.start(
    process.execPath,
    [here('./targets/bare-server.ts')],
    { PORT: String(port), BENCH_VALUE: value },
    /listening/,
  );
  return { target, url: `http://127.0.0.1:${port}` };
}

/** An app for invocation on a free port. */
export async function startApp(value: string): Promise<{ target: Target; port: number }> {
  const port = await freePort();
  const target = await Target.start(
    process.execPath,
    [here('./targets/app.ts')],
    { PORT: String(port), BENCH_VALUE: value },
    /listening/,
  );
  return { target, port };
}

/** The built sidecar, with memory components unless other resources are named. */
export async function startSidecar(
  appId: string,
  args: readonly string[] = [],
  {
    resourcesPath = here('./resources'),
    httpPort,
    env = {},
  }: { resourcesPath?: string; httpPort?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<{ target: Target; url: string; port: number; grpcPort: number }> {
  const [port, grpcPort] = [httpPort ?? (await freePort()), await freePort()];
  const target = await Target.start(
    sidecarCommand,
    [
      '--app-id',
      appId,
      '--dapr-http-port',
      String(port),
      '--dapr-grpc-port',
      String(grpcPort),
      '--enable-metrics=false',
      '--resources-path',
      resourcesPath,
      ...args,
    ],
    env,
    /dapr initialized\. Status: Running/,
  );
  return { target, url: `http://127.0.0.1:${port}`, port, grpcPort };
}
