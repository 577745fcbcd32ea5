import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SSM } from '@aws-sdk/client-ssm';
import { vi } from 'vitest';

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

/** A moto server of a test's own; `seed` fills it after each start, as it forgets all. */
export class MotoServer {
  readonly address: string;
  readonly #command: string;
  readonly #seed: (address: string) => Promise<void>;
  #process: ChildProcess | undefined;

  private constructor(command: string, port: number, seed: (address: string) => Promise<void>) {
    this.#command = command;
    this.address = `127.0.0.1:${port}`;
    this.#seed = seed;
  }

  /** Not started yet. `undefined` where up.sh has not installed moto: then it runs in a container. */
  static async create(seed: (address: string) => Promise<void>): Promise<MotoServer | undefined> {
    const command = process.env['OUTRIGGER_TEST_AWS_COMMAND'];
    return command === undefined ? undefined : new MotoServer(command, await freePort(), seed);
  }

  async start(): Promise<void> {
    const [host = '', port = ''] = this.address.split(':');
    const child = spawn(this.#command, ['-H', host, '-p', port], { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    this.#process = child;
    await vi.waitFor(
      async () => {
        const socket = connect(Number(port), host);
        await once(socket, 'connect');
        socket.destroy();
      },
      { timeout: 60_000, interval: 50 },
    );
    await this.#seed(this.address);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
