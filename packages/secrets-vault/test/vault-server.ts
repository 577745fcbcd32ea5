import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { Vault } from './vault.ts';

/** A Vault server of a test's own, with its own folder, that can be killed and sealed. Needs OUTRIGGER_TEST_VAULT_PROGRAM. */
export class VaultServer implements AsyncDisposable {
  readonly port: number;
  readonly #clusterPort: number;
  readonly #program: string;
  readonly #folder: string;
  #keys: Keys | undefined;
  #process: ChildProcess | undefined;

  private constructor(program: string, [port, clusterPort]: readonly [number, number], folder: string) {
    this.#program = program;
    this.port = port;
    this.#clusterPort = clusterPort;
    this.#folder = folder;
  }

  /** Resolves once it is unsealed. */
  static async start(program: string): Promise<VaultServer> {
    const folder = await mkdtemp(join(tmpdir(), 'vault-test-'));
    const server = new VaultServer(program, [await freePort(), await freePort()], folder);
    await server.#launch();
    server.#keys = (await (await server.#call('sys/init', { secret_shares: 1, secret_threshold: 1 })).json()) as Keys;
    await server.unseal();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get vault(): Vault {
    return new Vault(this.address, this.#keys?.root_token ?? '');
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** After {@link kill}: on the same port, with the same data, unsealed. */
  async restart(): Promise<void> {
    await this.#launch();
    await this.unseal();
  }

  async seal(): Promise<void> {
    await this.vault.api('PUT', 'sys/seal');
  }

  async unseal(): Promise<void> {
    await this.#call('sys/unseal', { key: this.#keys?.keys[0] });
    await vi.waitFor(async () => {
      const { status } = await fetch(`http://${this.address}/v1/sys/health`);
      if (status !== 200) throw new Error(`Vault is not ready: ${status}`);
    }, waiting);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #launch(): Promise<void> {
    const settings = join(this.#folder, 'vault.hcl');
    await writeFile(
      settings,
      `disable_mlock = true
api_addr = "http://${this.address}"
cluster_addr = "https://127.0.0.1:${this.#clusterPort}"
storage "raft" {
  path = "${this.#folder}"
  node_id = "test"
  performance_multiplier = 1
}
listener "tcp" {
  address = "${this.address}"
  cluster_address = "127.0.0.1:${this.#clusterPort}"
  tls_disable = true
}
`,
    );
    const child = spawn(this.#program, ['server', `-config=${settings}`, '-log-level=error'], { stdio: 'ignore' });
    this.#process = child;
    // a test run that is cut short leaves no server behind
    const killNow = () => void child.kill('SIGKILL');
    process.once('exit', killNow);
    child.once('exit', () => process.off('exit', killNow));
    await vi.waitFor(() => fetch(`http://${this.address}/v1/sys/seal-status`), waiting);
  }

  async #call(path: string, body: unknown): Promise<Response> {
    const response = await fetch(`http://${this.address}/v1/${path}`, { method: 'PUT', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}

interface Keys {
  readonly keys: readonly string[];
  readonly root_token: string;
}

const waiting = { timeout: 60_000, interval: 50 };

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}
