import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Child } from '../processes/child.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';
import { componentYaml } from './resource.ts';
import { TopicApp } from './topic-app.ts';

const program = fileURLToPath(new URL('component.py', import.meta.url));

requireBackend('OUTRIGGER_TEST_PYTHON', 'eval "$(e2e/toolchains.sh python)"', (python) => {
  describe('a state store and a broker in Python, made from the protocol alone', () => {
    const workspace = new Workspace();
    const sockets = join(workspace.path, 'sockets');
    const resources = join(workspace.path, 'resources');
    const env = { DAPR_COMPONENTS_SOCKETS_FOLDER: sockets };
    let component: Child;
    let sidecar: Sidecar;
    let app: TopicApp;

    const startComponent = () =>
      new Child(join(python, 'bin/python'), [program, join(sockets, 'py.sock'), join(python, 'components')]);

    beforeAll(async () => {
      mkdirSync(sockets);
      mkdirSync(resources);
      workspace.file(
        'resources/all.yaml',
        componentYaml('store', 'state.py', { greeting: 'hello' }) + componentYaml('broker', 'pubsub.py'),
      );
      app = await TopicApp.start('broker', 'orders');
      const starting = Sidecar.start({ appId: 'py', appPort: app.port, resourcesPath: resources, env });
      // The sidecar waits for it.
      component = startComponent();
      sidecar = await starting;
    });

    afterAll(async () => {
      await sidecar?.[Symbol.asyncDispose]();
      await component[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    });

    const get = async (key: string) => {
      const response = await sidecar.fetch(`/v1.0/state/store/${key}`);
      const text = await response.text();
      return { status: response.status, etag: response.headers.get('etag'), headers: response.headers, text };
    };
    const save = async (...items: readonly unknown[]) => (await sidecar.post('/v1.0/state/store', items)).status;

    it('is among the components, with what it says it can do', async () => {
      const { components } = (await (await sidecar.fetch('/v1.0/metadata')).json()) as { components: unknown };
      expect(components).toContainEqual({
        name: 'store',
        type: 'state.py',
        version: 'v1',
        capabilities: ['ETAG', 'TRANSACTIONAL', 'TTL', 'ACTOR'],
      });
    });

    it('keeps items, gives them back and deletes them, one and many', async () => {
      expect(await save({ key: 'a', value: { n: 1 } })).toBe(204);
      expect(await get('a')).toMatchObject({ status: 200, text: '{"n":1}', etag: expect.stringMatching(/^\d+$/) });
      expect(await save({ key: 'b', value: 2 }, { key: 'c', value: 3 })).toBe(204);
      const bulk = await sidecar.post('/v1.0/state/store/bulk', { keys: ['b', 'none', 'c'] });
      expect(await bulk.json()).toEqual([
        { key: 'b', data: 2, etag: expect.any(String) },
        { key: 'none' },
        { key: 'c', data: 3, etag: expect.any(String) },
      ]);
      expect((await sidecar.fetch('/v1.0/state/store/a', { method: 'DELETE' })).status).toBe(204);
      expect(await get('a')).toMatchObject({ status: 204 });
    });

    it('has etags: a write with an old one is refused, and one that it cannot have given is told apart', async () => {
      await save({ key: 'e', value: 1 });
      const { etag } = await get('e');
      expect(await save({ key: 'e', value: 2, etag })).toBe(204);
      expect(await save({ key: 'e', value: 3, etag })).toBe(409);
      expect(await save({ key: 'e', value: 3, etag: 'no-number' })).toBe(400);
      expect(await save({ key: 'e', value: 3, options: { concurrency: 'first-write' } })).toBe(409);
      expect(await get('e')).toMatchObject({ text: '2' });
    });

    it('is told how long an item lives, and says when it ends', async () => {
      await save({ key: 't', value: 1, metadata: { ttlInSeconds: '60' } });
      expect((await get('t')).headers.get('metadata.ttlexpiretime')).toBe('2100-01-01T00:00:00Z');
    });

    it('does all of a transaction or nothing', async () => {
      await save({ key: 'x', value: 1 });
      const transact = async (...operations: readonly unknown[]) =>
        (await sidecar.post('/v1.0/state/store/transaction', { operations })).status;
      const upsert = (key: string, value: number, etag?: string) => ({
        operation: 'upsert',
        request: { key, value, ...(etag && { etag }) },
      });
      expect(await transact(upsert('y', 2), { operation: 'delete', request: { key: 'x' } })).toBe(204);
      expect([await get('x'), await get('y')]).toMatchObject([{ status: 204 }, { text: '2' }]);
      expect(await transact(upsert('z', 3), upsert('y', 4, '999999'))).not.toBe(204);
      expect([await get('z'), await get('y')]).toMatchObject([{ status: 204 }, { text: '2' }]);
    });

    it('hands messages over, and again when the app has failed', async () => {
      app.answers.push(500);
      expect((await sidecar.post('/v1.0/publish/broker/orders', { order: 1 })).status).toBe(204);
      await vi.waitFor(() => expect(app.delivered).toEqual([{ order: 1 }, { order: 1 }]), { timeout: 60_000 });
    });

    it('dies and comes back: told what it is again, with its data, and no message lost', async () => {
      await save({ key: 'kept', value: 'yes' });
      const { promise, resolve } = Promise.withResolvers<void>();
      app.delivered.length = 0;
      app.held = promise;
      await sidecar.post('/v1.0/publish/broker/orders', { order: 2 });
      await vi.waitFor(() => expect(app.delivered).toEqual([{ order: 2 }]), { timeout: 60_000 });
      await component.stop('SIGKILL');
      expect((await get('kept')).status).toBe(500);
      await sidecar.line(/the process behind .*py\.sock.* is away/);
      app.held = undefined;
      resolve();

      component = startComponent();
      await component.line(/ready/);
      await sidecar.line(/the process behind .*py\.sock.* is back/);
      expect(await get('kept')).toMatchObject({ text: '"yes"' });
      const { text } = await get('inits');
      const processes = (JSON.parse(text) as [string, number][]).map(
        ([name, pid]) => (expect(name).toBe('store'), pid),
      );
      expect(new Set(processes).size).toBe(2);
      // The first was not acknowledged.
      await vi.waitFor(() => expect(app.delivered).toEqual([{ order: 2 }, { order: 2 }]), { timeout: 60_000 });
      await sidecar.post('/v1.0/publish/broker/orders', { order: 3 });
      await vi.waitFor(() => expect(app.delivered.at(-1)).toEqual({ order: 3 }), { timeout: 60_000 });
    });

    it('what it says against its properties ends the start', async () => {
      mkdirSync(join(workspace.path, 'wrong'));
      workspace.file('wrong/store.yaml', componentYaml('store', 'state.py', { greeting: 'good bye' }));
      await using failing = await Sidecar.launch({ appId: 'w', resourcesPath: join(workspace.path, 'wrong'), env });
      expect(await failing.exited).toMatchObject({ code: 1 });
      expect(failing.output).toContain('the greeting has to be hello');
    });

    it('a type that nobody has is said to be missing among the sockets, too', async () => {
      mkdirSync(join(workspace.path, 'missing'));
      const yaml = componentYaml('store', 'secretstores.py').replace('30s', '1s');
      workspace.file('missing/store.yaml', yaml);
      await using failing = await Sidecar.launch({ appId: 'm', resourcesPath: join(workspace.path, 'missing'), env });
      expect(await failing.exited).toMatchObject({ code: 1 });
      expect(failing.output).toMatch(/py\.sock serves .*StateStore.*no secretstores component/);
    });
  });
});
