import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const howToStartRabbitMq = 'eval "$(e2e/backends/up.sh rabbitmq)"';

const scripts = fileURLToPath(new URL('../../../e2e/backends/', import.meta.url));

/** A broker of the test's own, which may be killed and keeps what is durable. */
export class RabbitMqServer implements AsyncDisposable {
  readonly #run = mkdtempSync(join(tmpdir(), 'pubsub-rabbitmq-'));
  #variables: ReadonlyMap<string, string> = new Map();

  static async start(): Promise<RabbitMqServer> {
    const server = new RabbitMqServer();
    await server.start();
    return server;
  }

  /** `host:port` */
  get address(): string {
    return this.#variables.get('OUTRIGGER_TEST_RABBITMQ') ?? '';
  }

  /** `host:port` */
  get management(): string {
    return this.#variables.get('OUTRIGGER_TEST_RABBITMQ_MANAGEMENT') ?? '';
  }

  async start(): Promise<void> {
    const output = await this.#script('up.sh', '--local', 'rabbitmq');
    this.#variables = new Map(
      [...output.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
  }

  async kill(): Promise<void> {
    const pid = Number(readFileSync(join(this.#run, 'rabbitmq', 'pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    // no child of this process: gone when it can no longer be signalled, or waits to be collected
    while (isAlive(pid)) await delay(10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script('down.sh');
    rmSync(this.#run, { recursive: true, force: true });
  }

  async #script(script: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, OUTRIGGER_BACKENDS_RUN: this.#run };
    const { stdout } = await promisify(execFile)(join(scripts, script), args, { env });
    return stdout;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
