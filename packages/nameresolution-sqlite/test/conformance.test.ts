import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nameResolverConformance } from '@outrigger/conformance/name-resolution';
import { type AppInstance, type NameResolver, parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import definition from '../src/index.ts';

const { signal } = new AbortController();
const children: ChildProcess[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrigger-names-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function open(connectionString: string): Promise<NameResolver> {
  const properties = { connectionString, updateInterval: '3s' };
  const { values: metadata } = parseMetadata(definition.metadata, properties);
  const context = { name: '', appId: 'app', namespace: '', logger: silentLogger, signal };
  return definition.create({ ...context, metadata, properties });
}

/** Starts a process without any environment that registers the instance; resolves when it has. */
async function sidecar(connectionString: string, instance: AppInstance): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'sidecar.ts');
  const child = spawn(
    process.execPath,
    ['--conditions=@outrigger/source', script, connectionString, JSON.stringify(instance)],
    { env: {}, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  children.push(child);
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  expect(output.toString()).toBe('registered\n');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

nameResolverConformance(() => open(join(folder, 'names.db')), {
  livesForMs: 3000,
  registerAndDie: async (instance) => kill(await sidecar(join(folder, 'names.db'), instance)),
});

it('lets many processes start at once on a file that is not there yet', async () => {
  const file = join(folder, 'fresh.db');
  const ports = [21_001, 21_002, 21_003, 21_004];
  const instances = ports.map((port) => ({ appId: 'orders', namespace: '', host: '127.0.0.1', port }));
  await Promise.all(instances.map((instance) => sidecar(file, instance)));
  await using resolver = await open(file);
  const addresses = await resolver.resolve({ appId: 'orders', namespace: '', port: 1 }, signal);
  expect(addresses.toSorted()).toEqual(ports.map((port) => `127.0.0.1:${port}`));
});
