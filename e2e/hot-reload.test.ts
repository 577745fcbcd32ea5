import { renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it, onTestFinished, vi } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

const limit = { timeout: 60_000, interval: 50 };

const component = (name: string, type: string, database: string, more = ''): string =>
  `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1, metadata: [{name: connectionString, value: "${database}"}${more}]}\n`;
const subscription = (route: string): string =>
  `apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: orders}\nspec: {pubsubname: pubsub, topic: orders, routes: {default: /${route}}}\n`;

it('components and subscriptions follow their files under load, with no call failed and no event lost', async () => {
  const workspace = new Workspace();
  onTestFinished(() => workspace[Symbol.dispose]());
  const seen = new Map<unknown, string>();
  const app = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST') {
        const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: unknown };
        seen.set(data, request.url ?? '');
        response.end();
      } else response.writeHead(request.url === '/dapr/config' ? 200 : 404).end('{}');
    });
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    app.closeAllConnections();
    app.close();
  });
  const write = (name: string, text: string): void => {
    const made = workspace.file(`resources/.${name}.swp`, text);
    renameSync(made, `${workspace.path}/resources/${name}`);
  };
  const broker = (interval: string): string =>
    component(
      'pubsub',
      'pubsub.sqlite',
      `${workspace.path}/broker.db`,
      `, {name: redeliverInterval, value: ${interval}}`,
    );
  const store = (file: string): string => component('store', 'state.sqlite', `${workspace.path}/${file}.db`);
  write('pubsub.yaml', broker('1s'));
  write('subscription.yaml', subscription('first'));
  write('store.yaml', store('one'));
  await using sidecar = await Sidecar.start({
    appId: 'shop',
    appPort: (app.address() as AddressInfo).port,
    resourcesPath: `${workspace.path}/resources`,
    env: workspace.env,
  });

  const statuses = new Map<number, number>();
  const count = (status: number): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  let published = 0;
  let isOver = false;
  const load = (async () => {
    while (!isOver) {
      const [event, item] = await Promise.all([
        sidecar.post('/v1.0/publish/pubsub/orders', published++),
        sidecar.post('/v1.0/state/store', [{ key: 'k', value: published }]),
      ]);
      count(event.status);
      count(item.status);
    }
  })();
  try {
    write('store.yaml', store('two'));
    await sidecar.line(/Component changed: store/, 60_000);
    write('pubsub.yaml', broker('2s'));
    await sidecar.line(/Component changed: pubsub/, 60_000);
    write('subscription.yaml', subscription('second'));
    await sidecar.line(/Subscription resources were read again/, 60_000);
    await vi.waitFor(() => expect([...seen.values()]).toContain('/second'), limit);
    write('broken.yaml', 'kind: Component\n  bad: [');
    await sidecar.line(/broken\.yaml:\d+/, 60_000);
    rmSync(`${workspace.path}/resources/broken.yaml`);
    write('extra.yaml', component('extra', 'state.sqlite', `${workspace.path}/extra.db`));
    await sidecar.line(/Component added: extra/, 60_000);
    expect((await sidecar.post('/v1.0/state/extra', [{ key: 'k', value: 1 }])).status).toBe(204);
    rmSync(`${workspace.path}/resources/extra.yaml`);
    await sidecar.line(/Component removed: extra/, 60_000);
    expect((await sidecar.post('/v1.0/state/extra', [{ key: 'k', value: 1 }])).status).toBe(400);
  } finally {
    isOver = true;
    await load;
  }
  expect([...statuses.keys()]).toEqual([204]);
  await vi.waitFor(() => expect(seen.size).toBe(published), limit);
});

it('with the feature HotReload off no file is watched, and SIGHUP reads them all', async () => {
  using workspace = new Workspace();
  const store = (name: string): void =>
    void workspace.file(`resources/${name}.yaml`, component(name, 'state.sqlite', `${workspace.path}/${name}.db`));
  store('first');
  const config = workspace.file(
    'config.yaml',
    'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec: {features: [{name: HotReload, enabled: false}]}\n',
  );
  await using sidecar = await Sidecar.start({
    appId: 'still',
    config,
    resourcesPath: `${workspace.path}/resources`,
    env: workspace.env,
  });
  store('second');
  await sleep(1000); // ten times as long as a change takes that is watched
  expect((await sidecar.post('/v1.0/state/second', [{ key: 'k', value: 1 }])).status).toBe(400);
  process.kill(sidecar.pid, 'SIGHUP');
  await sidecar.line(/Component added: second/, 60_000);
  expect((await sidecar.post('/v1.0/state/second', [{ key: 'k', value: 1 }])).status).toBe(204);
});

it('a changed Configuration takes effect while it runs: rules of APIs, API logging and the rate of traces', async () => {
  using workspace = new Workspace();
  const configure = (spec: string): string =>
    workspace.file(
      'config.yaml',
      `apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec: {tracing: {stdout: true, samplingRate: "0.0000001"}, ${spec}}\n`,
    );
  workspace.file('resources/store.yaml', component('store', 'state.sqlite', `${workspace.path}/store.db`));
  await using sidecar = await Sidecar.start({
    appId: 'configured',
    config: configure('features: []'),
    resourcesPath: `${workspace.path}/resources`,
    env: workspace.env,
  });
  const save = async (): Promise<number> => (await sidecar.post('/v1.0/state/store', [{ key: 'k', value: 1 }])).status;
  expect(await save()).toBe(204);

  configure('api: {denied: [{name: state, version: v1}]}');
  await sidecar.line(/the Configuration was read again/, 60_000);
  expect(await save()).toBe(404);

  configure('logging: {apiLogging: {enabled: true}}');
  await vi.waitFor(async () => expect(await save()).toBe(204), limit);
  await sidecar.line(/HTTP API Called/, 60_000);

  configure('features: ["no object"]');
  await sidecar.line(/changed Configuration cannot be used, everything stays as it was/, 60_000);
  await sidecar.line(/config\.yaml:4: .*features/, 60_000);
  expect(await save()).toBe(204);

  configure('metrics: {recordErrorCodes: true}');
  await sidecar.line(
    /of the Configuration, spec\.metrics changed: that takes effect when the sidecar starts anew/,
    60_000,
  );

  expect(sidecar.output).not.toMatch(/span .* trace=/);
  workspace.file(
    'config.yaml',
    'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec: {tracing: {stdout: true, samplingRate: "1"}}\n',
  );
  await vi.waitFor(async () => {
    await save();
    expect(sidecar.output).toMatch(/span .* trace=/);
  }, limit);
});

it('with --retry-components a sidecar serves without a store that is away, says so, and uses it once it is there', async () => {
  using workspace = new Workspace();
  const file = `${workspace.path}/store.db`;
  using locked = new DatabaseSync(file);
  locked.exec('BEGIN EXCLUSIVE');
  workspace.file(
    'resources/store.yaml',
    component('store', 'state.sqlite', file, ', {name: busyTimeout, value: 100ms}'),
  );
  workspace.file('resources/other.yaml', component('other', 'state.sqlite', `${workspace.path}/other.db`));
  await using sidecar = await Sidecar.start({
    appId: 'patient',
    resourcesPath: `${workspace.path}/resources`,
    args: ['--retry-components'],
    env: workspace.env,
  });
  const save = (store: string) => sidecar.post(`/v1.0/state/${store}`, [{ key: 'k', value: 1 }]);
  expect((await save('other')).status).toBe(204);
  const refused = await save('store');
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    errorCode: 'ERR_COMPONENT_NOT_READY',
    message: expect.stringMatching(/component "store" .*locked.*; it is tried again in the background/) as unknown,
  });
  expect((await sidecar.fetch('/v1.0/healthz')).status).toBe(204);
  const health = async () => {
    const answer = await sidecar.fetch('/v1.0/healthz/components');
    const { components } = (await answer.json()) as { components: { name: string; status: string }[] };
    return [answer.status, components.map(({ name, status }) => `${name} ${status}`)];
  };
  expect(await health()).toEqual([503, ['other ready', 'store retrying']]);
  const metadata = (await (await sidecar.fetch('/v1.0/metadata')).json()) as { components: object[] };
  expect(metadata.components).toEqual([
    expect.not.objectContaining({ status: expect.anything() as unknown }),
    expect.objectContaining({
      name: 'store',
      status: 'retrying',
      message: expect.stringContaining('locked') as unknown,
    }),
  ]);

  locked.exec('ROLLBACK');
  await sidecar.line(/Component store \(state\.sqlite\) is up now/, 60_000);
  expect((await save('store')).status).toBe(204);
  expect(await health()).toEqual([200, ['other ready', 'store ready']]);
});
