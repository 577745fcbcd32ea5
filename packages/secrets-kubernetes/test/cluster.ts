import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { expect, vi } from 'vitest';

export const howToStartKubernetes = 'eval "$(e2e/backends/up.sh kubernetes)"';

/** What up.sh says about the server besides its address. */
export function given(what: 'KUBECONFIG' | 'SERVICEACCOUNT' | 'COMMAND'): string {
  const value = process.env[`OUTRIGGER_TEST_KUBERNETES_${what}`];
  if (value === undefined) throw new Error(`OUTRIGGER_TEST_KUBERNETES_${what} is not set; ${howToStartKubernetes}`);
  return value;
}

export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

/** As `admin`, who may do all. */
export function admin(): CoreV1Api {
  const config = new KubeConfig();
  config.loadFromFile(given('KUBECONFIG'));
  return config.makeApiClient(CoreV1Api);
}

export type Values = Readonly<Record<string, string>>;

/** A new namespace with these secrets; nobody deletes it. */
export async function newNamespace(secrets: Readonly<Record<string, Values>>): Promise<string> {
  const namespace = unique('secrets');
  await admin().createNamespace({ body: { metadata: { name: namespace } } });
  await createSecrets(namespace, secrets);
  return namespace;
}

export async function createSecrets(namespace: string, secrets: Readonly<Record<string, Values>>): Promise<void> {
  const api = admin();
  for (const [name, stringData] of Object.entries(secrets)) {
    await api.createNamespacedSecret({ namespace, body: { metadata: { name }, stringData } });
  }
}

/** A kubeconfig like the one given, but for what `change` does to its text. */
export async function kubeconfigWith(change: (text: string) => string): Promise<string> {
  const path = join(await newFolder(), 'kubeconfig');
  await writeFile(path, change(readFileSync(given('KUBECONFIG'), 'utf8')), { mode: 0o600 });
  return path;
}

export const at = (address: string) => kubeconfigWith((text) => text.replace(/https:\/\/[^']+/, `https://${address}`));

/** The files that a pod has of its service account, as a copy that a test may change. */
export async function serviceAccountFolder(): Promise<string> {
  const folder = await newFolder();
  await cp(given('SERVICEACCOUNT'), folder, { recursive: true });
  return folder;
}

const folders: string[] = [];

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-kubernetes-'));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}

/** An API server of a test's own, on its own port but over the same etcd: what one has stored, the other has, too. */
export class ApiServer implements AsyncDisposable {
  readonly address: string;
  readonly #command: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.address = `127.0.0.1:${port}`;
    this.#command = readFileSync(given('COMMAND'), 'utf8')
      .trim()
      .split('\n')
      .map((argument) => (argument.startsWith('--secure-port=') ? `--secure-port=${port}` : argument));
  }

  static async create(): Promise<ApiServer> {
    return new ApiServer(await freePort());
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const [command = '', ...args] = this.#command;
    const child = spawn(command, args, { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    this.#process = child;
    const config = new KubeConfig();
    config.loadFromFile(await at(this.address));
    const api = config.makeApiClient(CoreV1Api);
    await vi.waitFor(() => expect(api.readNamespace({ name: 'default' })).resolves.toBeDefined(), {
      timeout: 60_000,
      interval: 100,
    });
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
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
