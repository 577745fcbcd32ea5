import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scripts = new URL('../../../e2e/backends/', import.meta.url).pathname;

/** A server of the test's own that keeps what it acknowledged through a `kill -9`. Needs Kafka on this machine. */
export class KafkaServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pubsub-kafka-'));
  readonly #environment: NodeJS.ProcessEnv;
  address = '';

  private constructor(settings: NodeJS.ProcessEnv) {
    this.#environment = { ...process.env, ...settings, OUTRIGGER_BACKENDS_RUN: this.#folder };
  }

  /** `settings` are those of `e2e/backends/servers/kafka.sh`. */
  static async start(settings: NodeJS.ProcessEnv = {}): Promise<KafkaServer> {
    const server = new KafkaServer(settings);
    await server.start();
    return server;
  }

  /** Whether `e2e/backends/up.sh kafka` has started a server here rather than in a container. */
  static get isInstalled(): boolean {
    return process.env['OUTRIGGER_TEST_KAFKA_PROXY'] !== undefined;
  }

  /** Starts it, also again, on the port and with the data that it had. */
  async start(): Promise<void> {
    const output = await this.#run('up.sh', '--local', 'kafka');
    this.address = /OUTRIGGER_TEST_KAFKA=(.*)/.exec(output)?.[1] ?? '';
  }

  async kill(): Promise<void> {
    const pid = Number(readFileSync(join(this.#folder, 'kafka/pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run('down.sh', 'kafka');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(script: string, ...args: string[]): Promise<string> {
    const child = spawn(join(scripts, script), args, { env: this.#environment, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${script} ended with code ${String(code)}`);
    return output;
  }
}

function isAlive(pid: number): boolean {
  try {
    // a killed process that nobody has collected yet is dead, too
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] !== 'Z';
  } catch {
    return false;
  }
}
