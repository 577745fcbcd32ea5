import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

export const howToStartPulsar = 'eval "$(e2e/backends/up.sh pulsar)"';

/** Starts a broker of the test's own; undefined where none is installed. */
export const pulsarProgram = process.env['OUTRIGGER_TEST_PULSAR_PROGRAM'];

/** How long a broker may take to start on a busy machine. */
export const patienceMs = 170_000;

/** A broker of the test's own: with tokens for the login and TLS, and it may be killed. */
export class PulsarServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pubsub-pulsar-'));
  readonly #secret = randomBytes(32);
  readonly #log: number;
  #ports: readonly number[] = [];
  #process: ChildProcess | undefined;

  private constructor() {
    this.#log = openSync(join(this.#folder, 'log'), 'w');
  }

  static async start(): Promise<PulsarServer> {
    const server = new PulsarServer();
    server.#ports = await freePorts(4);
    server.#configure();
    await server.start();
    return server;
  }

  /** The HTTP port. */
  get host(): string {
    return `127.0.0.1:${this.#ports[0]}`;
  }

  get secureHost(): string {
    return `https://127.0.0.1:${this.#ports[1]}`;
  }

  get caCert(): string {
    return readFileSync(join(this.#folder, 'cert.pem'), 'utf8');
  }

  /** Of a role that may do everything. */
  get token(): string {
    return this.tokenOf('admin');
  }

  tokenOf(role: string, secret = this.#secret): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ alg: 'HS256' })}.${part({ sub: role })}`;
    return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
  }

  async start(): Promise<void> {
    const args = [join(this.#folder, 'standalone.conf'), join(this.#folder, 'data')];
    this.#process = spawn(pulsarProgram ?? '', args, { stdio: ['ignore', this.#log, this.#log] });
    const headers = { authorization: `Bearer ${this.token}` };
    await vi.waitFor(
      async () => {
        if (this.#process?.exitCode !== null) throw new Error('Pulsar has ended');
        const answer = await fetch(`http://${this.host}/admin/v2/namespaces/public`, {
          headers,
          signal: AbortSignal.timeout(3000),
        });
        if (!(await answer.text()).includes('public/default')) throw new Error('Pulsar does not serve yet');
      },
      { timeout: patienceMs, interval: 200 },
    );
  }

  async kill(): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configure(): void {
    const [http, https, binary] = this.#ports;
    const key = join(this.#folder, 'key.pem');
    const cert = join(this.#folder, 'cert.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '30'];
    const pair = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
    execFileSync('openssl', [...pair, ...subject], { stdio: 'ignore' });
    mkdirSync(join(this.#folder, 'data'));
    const settings = {
      webServicePort: http,
      webServicePortTls: https,
      brokerServicePort: binary,
      bindAddress: '127.0.0.1',
      advertisedAddress: '127.0.0.1',
      clusterName: 'standalone',
      webSocketServiceEnabled: true,
      allowAutoTopicCreationType: 'non-partitioned',
      tlsCertificateFilePath: cert,
      tlsKeyFilePath: key,
      authenticationEnabled: true,
      authorizationEnabled: true,
      authenticationProviders: 'org.apache.pulsar.broker.authentication.AuthenticationProviderToken',
      tokenSecretKey: `data:;base64,${this.#secret.toString('base64')}`,
      superUserRoles: 'admin',
      brokerClientAuthenticationPlugin: 'org.apache.pulsar.client.impl.auth.AuthenticationToken',
      brokerClientAuthenticationParameters: `token:${this.token}`,
      numIOThreads: 2,
      numHttpServerThreads: 32,
      managedLedgerDefaultEnsembleSize: 1,
      managedLedgerDefaultWriteQuorum: 1,
      managedLedgerDefaultAckQuorum: 1,
      managedLedgerCacheSizeMB: 64,
      loadBalancerEnabled: false,
      listeningInterface: 'lo',
      allowLoopback: true,
      journalSyncData: false,
      diskUsageThreshold: 0.99,
      diskUsageWarnThreshold: 0.98,
      dbStorage_writeCacheMaxSizeMb: 32,
      dbStorage_readAheadCacheMaxSizeMb: 32,
      dbStorage_rocksDB_blockCacheSize: 16_777_216,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    writeFileSync(join(this.#folder, 'standalone.conf'), `${lines.join('\n')}\n`);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server, 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      return address.port;
    }),
  );
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
