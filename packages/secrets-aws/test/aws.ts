import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SSM } from '@aws-sdk/client-ssm';
import { type Network, openNetwork } from '@outrigger/conformance/network';
import { vi } from 'vitest';

const host = '127.0.0.1';

export const howToStartAws = 'eval "$(e2e/backends/up.sh aws)", or OUTRIGGER_TEST_AWS=host:port of a moto server';
export const login = { accessKey: 'AKIATESTING', secretKey: 'testing-secret', region: 'us-east-1' };

export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

function clientAt(address: string, region: string) {
  const credentials = { accessKeyId: login.accessKey, secretAccessKey: login.secretKey };
  return { endpoint: `http://${address}`, region, credentials };
}

export const secretsManagerAt = (address: string, region: string) => new SecretsManager(clientAt(address, region));
export const ssmAt = (address: string, region: string) => new SSM(clientAt(address, region));

type Texts = Readonly<Record<string, string>>;

/** Makes the secrets that are not there yet: the server may be one that other runs have used. */
export async function createSecrets(address: string, region: string, secrets: Texts): Promise<void> {
  const client = secretsManagerAt(address, region);
  for (const [Name, SecretString] of Object.entries(secrets)) {
    await client.createSecret({ Name, SecretString }).catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'ResourceExistsException') throw error;
    });
  }
  client.destroy();
}

export async function createParameters(address: string, region: string, parameters: Texts): Promise<void> {
  const client = ssmAt(address, region);
  for (const [Name, Value] of Object.entries(parameters)) {
    await client.putParameter({ Name, Value, Type: 'SecureString', Overwrite: true });
  }
  client.destroy();
}

/**
 * A moto server of a test's own. It forgets all when it is killed: `seed` fills it again before anybody gets to it, through a
 * network that is cut until then.
 */
export class MotoServer implements AsyncDisposable {
  readonly #command: string;
  readonly #port: number;
  readonly #network: Network;
  readonly #seed: (address: string) => Promise<void>;
  #process: ChildProcess | undefined;

  private constructor(command: string, port: number, network: Network, seed: (address: string) => Promise<void>) {
    this.#command = command;
    this.#port = port;
    this.#network = network;
    this.#seed = seed;
  }

  /** Not started yet. `undefined` where up.sh has not installed moto: then it runs in a container. */
  static async create(seed: (address: string) => Promise<void>): Promise<MotoServer | undefined> {
    const command = process.env['OUTRIGGER_TEST_AWS_COMMAND'];
    if (command === undefined) return undefined;
    const port = await freePort();
    return new MotoServer(command, port, await openNetwork({ host, port }), seed);
  }

  get address(): string {
    return this.#network.address;
  }

  async start(): Promise<void> {
    const child = spawn(this.#command, ['-H', host, '-p', String(this.#port)], { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    this.#process = child;
    const accepts = async () => {
      const socket = connect(this.#port, host);
      await once(socket, 'connect');
      socket.destroy();
    };
    await vi.waitFor(accepts, { timeout: 60_000, interval: 50 });
    await this.#seed(`${host}:${this.#port}`);
    await this.#network.mend({ reset: true });
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await this.#network.cut({ newConnections: 'refuse' });
    this.#network.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#network[Symbol.asyncDispose]();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
