import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Child } from '../processes/child.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';
import { componentYaml } from './resource.ts';
import { TopicApp } from './topic-app.ts';

const run = promisify(execFile);
const command = fileURLToPath(new URL('../../node_modules/.bin/outrigger-pluggable', import.meta.url));
const protos = fileURLToPath(new URL('../../packages/protocol/proto', import.meta.url));
const packages = ['state-in-memory', 'pubsub-in-memory', 'bindings-localstorage', 'secrets-local'];

describe('components of Outrigger, served as pluggable ones', () => {
  const workspace = new Workspace();
  const sockets = join(workspace.path, 'sockets');
  const memory = join(sockets, 'in-memory.sock');
  let server: Child;

  const start = async () => {
    const names = packages.map((name) => `@outrigger/${name}`);
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    server = new Child(command, names, { cwd, env: { ...process.env, DAPR_COMPONENTS_SOCKETS_FOLDER: sockets } });
    await server.line(/serving secretstores\.local\.env/);
  };

  beforeAll(start);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    workspace[Symbol.dispose]();
  });

  it('are on sockets that only their user may connect to, one for each name', () => {
    for (const name of ['in-memory', 'localstorage', 'local.file', 'local.env']) {
      expect(statSync(join(sockets, `${name}.sock`)).mode & 0o777).toBe(0o600);
    }
    expect(server.output).toContain(`serving state.in-memory, pubsub.in-memory on ${memory}`);
  });

  describe("for another implementation of gRPC, with code from the protocol's files", () => {
    const file = 'dapr/proto/components/v1/state.proto';
    const loaded = loadSync(file, {
      includeDirs: [protos],
      keepCase: true,
      defaults: true,
      longs: String,
      enums: String,
    });
    const tree = grpc.loadPackageDefinition(loaded) as unknown as {
      dapr: { proto: { components: { v1: Record<string, grpc.ServiceClientConstructor> } } };
    };
    const clients = new Map<string, grpc.Client>();
    afterAll(() => clients.forEach((client) => client.close()));

    function call(instance: string, path: string, request: unknown): Promise<Record<string, unknown>> {
      const [service = '', method = ''] = path.split('/');
      const Client = tree.dapr.proto.components.v1[service] as grpc.ServiceClientConstructor;
      const client = clients.get(service) ?? new Client(`unix:${memory}`, grpc.credentials.createInsecure());
      clients.set(service, client);
      const metadata = new grpc.Metadata();
      metadata.set('x-component-instance', instance);
      type Method = (...args: unknown[]) => void;
      const invoke = (client as unknown as Record<string, Method>)[method]?.bind(client);
      return new Promise((resolve, reject) => {
        invoke?.(request, metadata, (error: Error | null, answer: Record<string, unknown>) =>
          error === null ? resolve(answer) : reject(error),
        );
      });
    }

    const set = (instance: string, key: string, value: string, more: object = {}) =>
      call(instance, 'StateStore/Set', { key, value: Buffer.from(value), ...more });

    it('a store is made for each instance', async () => {
      await expect(set('one', 'k', '1')).rejects.toMatchObject({
        details: expect.stringMatching(/Init has to come first/),
      });
      await call('one', 'StateStore/Init', { metadata: { properties: {} } });
      await call('two', 'StateStore/Init', { metadata: { properties: {} } });
      expect(await call('one', 'StateStore/Features', {})).toEqual({ features: ['ETAG', 'TRANSACTIONAL', 'TTL'] });
      await set('one', 'k', '1');
      expect(await call('one', 'StateStore/Get', { key: 'k' })).toMatchObject({ data: Buffer.from('1') });
      expect(await call('two', 'StateStore/Get', { key: 'k' })).toMatchObject({ data: Buffer.alloc(0), etag: null });
    });

    it('a store that is told the same again, as by a sidecar that was restarted, keeps its items', async () => {
      await set('one', 'again', 'x');
      await call('one', 'StateStore/Init', { metadata: { properties: {} } });
      expect(await call('one', 'StateStore/Get', { key: 'again' })).toMatchObject({ data: Buffer.from('x') });
    });

    it('a write that lost against another one is told as Dapr wants to hear it', async () => {
      await set('one', 'e', '1');
      const { etag } = (await call('one', 'StateStore/Get', { key: 'e' })) as { etag: unknown };
      await set('one', 'e', '2', { etag });
      const error: unknown = await set('one', 'e', '3', { etag }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: grpc.status.FAILED_PRECONDITION });
      const [details] = (error as grpc.ServiceError).metadata.get('grpc-status-details-bin');
      // A google.rpc.BadRequest with one violation, of the field `etag`.
      expect(String(details)).toMatch(/google\.rpc\.BadRequest[^]*etag/);
      const first = { options: { concurrency: 'CONCURRENCY_FIRST_WRITE' } };
      await expect(set('one', 'e', '4', first)).rejects.toMatchObject({ code: grpc.status.FAILED_PRECONDITION });
    });

    it('transactions, bulk calls and times to live', async () => {
      const operations = [
        { set: { key: 't1', value: Buffer.from('1'), metadata: { ttlInSeconds: '60' } } },
        { delete: { key: 'e' } },
      ];
      await call('one', 'TransactionalStateStore/Transact', { operations });
      const { items } = (await call('one', 'StateStore/BulkGet', { items: [{ key: 't1' }, { key: 'e' }] })) as {
        items: { data: Buffer; metadata: Record<string, string> }[];
      };
      expect(items.map(({ data }) => String(data))).toEqual(['1', '']);
      expect(Date.parse(items[0]?.metadata['ttlExpireTime'] ?? '') - Date.now()).toBeGreaterThan(50_000);
      await expect(set('one', 't', '1', { metadata: { ttlInSeconds: 'soon' } })).rejects.toMatchObject({
        code: grpc.status.INVALID_ARGUMENT,
      });
    });
  });

  requireBackend('OUTRIGGER_TEST_GRPCURL', 'eval "$(e2e/grpcurl/install.sh)"', (grpcurl) => {
    it('grpcurl finds out from reflection alone what there is, and calls it', async () => {
      const ask = async (...args: readonly string[]) => (await run(grpcurl, ['-plaintext', '-unix', ...args])).stdout;
      expect((await ask(memory, 'list')).trim().split('\n')).toEqual([
        'dapr.proto.components.v1.PubSub',
        'dapr.proto.components.v1.QueriableStateStore',
        'dapr.proto.components.v1.StateStore',
        'dapr.proto.components.v1.TransactionalStateStore',
        'dapr.proto.components.v1.TransactionalStoreMultiMaxSize',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      await ask('-d', '{}', memory, 'dapr.proto.components.v1.PubSub/Init');
      const init = ask('-d', '{}', join(sockets, 'local.file.sock'), 'dapr.proto.components.v1.SecretStore/Init');
      await expect(init).rejects.toMatchObject({
        stderr: expect.stringMatching(/InvalidArgument[^]*metadata field secretsFile is required/),
      });
    });
  });

  describe('to a sidecar', () => {
    const resources = join(workspace.path, 'resources');
    let sidecar: Sidecar;
    let app: TopicApp;

    beforeAll(async () => {
      mkdirSync(resources);
      mkdirSync(join(workspace.path, 'files'));
      workspace.file('keys.json', '{"password": "hidden"}');
      const secrets = { secretsFile: join(workspace.path, 'keys.json') };
      workspace.file(
        'resources/all.yaml',
        componentYaml('store', 'state.in-memory') +
          componentYaml('broker', 'pubsub.in-memory') +
          componentYaml('files', 'bindings.localstorage', { rootPath: join(workspace.path, 'files') }) +
          componentYaml('keys', 'secretstores.local.file', secrets),
      );
      app = await TopicApp.start('broker', 'orders');
      const env = { DAPR_COMPONENTS_SOCKETS_FOLDER: sockets };
      sidecar = await Sidecar.start({ appId: 'user', appPort: app.port, resourcesPath: resources, env });
    });
    afterAll(async () => {
      await sidecar?.[Symbol.asyncDispose]();
      await app?.[Symbol.asyncDispose]();
    });

    it('state', async () => {
      expect((await sidecar.post('/v1.0/state/store', [{ key: 'k', value: 'v' }])).status).toBe(204);
      const response = await sidecar.fetch('/v1.0/state/store/k');
      const etag = response.headers.get('etag');
      expect(await response.json()).toBe('v');
      await sidecar.post('/v1.0/state/store', [{ key: 'k', value: 'w', etag }]);
      expect((await sidecar.post('/v1.0/state/store', [{ key: 'k', value: 'x', etag }])).status).toBe(409);
      // It is in the other process.
      await sidecar.line(/Component loaded: store \(state\.in-memory\/v1\)/);
      expect(server.output).toContain('Component loaded: store (state.in-memory/v1)');
    });

    it('messages', async () => {
      app.answers.push(500);
      for (let order = 1; order <= 3; order++) await sidecar.post('/v1.0/publish/broker/orders', { order });
      await vi.waitFor(() => expect(app.delivered).toHaveLength(4), { timeout: 60_000 });
    });

    it('bindings', async () => {
      const invoke = (operation: string, data?: unknown) =>
        sidecar.post('/v1.0/bindings/files', { operation, data, metadata: { fileName: 'a.txt' } });
      expect((await invoke('create', 'a text')).status).toBe(200);
      expect(await (await invoke('get')).text()).toContain('a text');
      expect((await invoke('delete')).status).toBe(204);
      expect((await invoke('get')).status).toBe(500);
    });

    it('secrets', async () => {
      expect(await (await sidecar.fetch('/v1.0/secrets/keys/password')).json()).toEqual({ password: 'hidden' });
      expect((await sidecar.fetch('/v1.0/secrets/keys/none')).status).toBe(500);
    });

    it('ends in order, and a new process takes its place', async () => {
      expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(existsSync(memory)).toBe(false);
      expect((await sidecar.fetch('/v1.0/state/store/k')).status).toBe(500);
      await start();
      await vi.waitFor(async () => expect((await sidecar.fetch('/v1.0/state/store/k')).status).toBe(204), {
        timeout: 60_000,
      });
      app.delivered.length = 0;
      await sidecar.line(/the component's stream of topic orders is open again/);
      await sidecar.post('/v1.0/publish/broker/orders', { order: 4 });
      await vi.waitFor(() => expect(app.delivered).toEqual([{ order: 4 }]), { timeout: 60_000 });
    });
  });
});
