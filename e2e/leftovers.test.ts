import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { expect, it, onTestFinished } from 'vitest';

import { Child } from './processes/child.ts';
import { Sidecar } from './processes/sidecar.ts';
import { resourcesOf, Workspace } from './processes/workspace.ts';

const report = new URL('leftovers/report.ts', import.meta.url).href;

/** What standard input and output are to a process, and what the system itself holds. */
const own = new Set(['PipeWrap', 'TTYWrap', 'FSReqPromise', 'FSReqCallback', 'SignalWrap', 'Immediate']);

async function leftOpen(child: Child): Promise<string[]> {
  const [, json = ''] = await child.line(/^left open: (.*)$/m, 60_000);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  return Object.keys(JSON.parse(json) as object).filter((name) => !own.has(name));
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const ticks = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: ticks}
spec: {type: bindings.cron, version: v1, metadata: [{name: schedule, value: "@every 1s"}]}
`;
const away = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: away}
spec: {type: state.redis, version: v1, metadata: [{name: redisHost, value: "127.0.0.1:1"}]}
`;

it('a program that is done with the engine ends by itself, with no timer and no socket left', async () => {
  using workspace = new Workspace();
  for (const name of ['statestore', 'pubsub', 'secretstore']) {
    workspace.file(`resources/${name}.yaml`, readFileSync(`${resourcesOf('sqlite')}/${name}.yaml`, 'utf8'));
  }
  workspace.file('resources/ticks.yaml', ticks);
  workspace.file('resources/away.yaml', away);
  const script = fileURLToPath(new URL('leftovers/library.ts', import.meta.url));
  await using program = new Child(process.execPath, ['--import', report, script, `${workspace.path}/resources`], {
    env: { ...process.env, ...workspace.env },
  });
  await program.line(/^done$/m, 60_000);
  expect(await leftOpen(program)).toEqual([]);
});

it('a sidecar that was used over every port leaves no timer and no socket when it stops', async () => {
  using workspace = new Workspace();
  workspace.file('resources/ticks.yaml', ticks);
  workspace.file('resources/away.yaml', away);
  const asked = new Set<string>();
  const delivered = Promise.withResolvers<void>();
  const app = createServer((request, response) => {
    asked.add(request.url ?? '');
    request.resume().on('end', () => {
      if (request.url === '/dapr/subscribe') {
        response.end(JSON.stringify([{ pubsubname: 'pubsub', topic: 'orders', route: '/orders' }]));
      } else response.writeHead(request.url === '/dapr/config' ? 404 : 200).end('{}');
      if (request.url === '/orders') delivered.resolve();
    });
  });
  const appPort = await listen(app);
  const collector = await listen(
    createServer((request, response) => void request.resume().on('end', () => response.end())),
  );
  const config = workspace.file(
    'config.yaml',
    `apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n  tracing: {samplingRate: "1", otel: {endpointAddress: "http://127.0.0.1:${collector}", protocol: http}}\n` +
      `  nameResolution: {component: sqlite, configuration: {connectionString: "${workspace.path}/names.db"}}\n`,
  );
  const start = (appId: string) =>
    Sidecar.start({
      appId,
      appPort,
      config,
      resourcesPath: resourcesOf('sqlite'),
      args: `--resources-path ${workspace.path}/resources --retry-components --enable-metrics=true --metrics-port 0
        --enable-app-health-check --app-health-probe-interval 1`.split(/\s+/),
      env: { ...workspace.env, NODE_OPTIONS: `--import ${report}` },
    });
  await using caller = await start('caller');
  await using callee = await start('callee');
  const client = new DaprClient({
    daprHost: '127.0.0.1',
    daprPort: String(caller.grpcPort),
    communicationProtocol: CommunicationProtocolEnum.GRPC,
    logger: { level: LogLevel.Error },
  });
  onTestFinished(() => client.stop());
  expect((await caller.post('/v1.0/state/statestore', [{ key: 'k', value: 1 }])).status).toBe(204);
  expect((await caller.post('/v1.0/publish/pubsub/orders', { id: 1 })).status).toBe(204);
  expect((await caller.fetch('/v1.0/invoke/callee/method/hello')).status).toBe(200);
  expect(await client.state.get('statestore', 'k')).toBe(1);
  await delivered.promise;
  await expect.poll(() => asked.has('/ticks')).toBe(true);
  for (const sidecar of [callee, caller]) {
    await sidecar.post('/v1.0/shutdown', {});
    expect(await leftOpen(sidecar)).toEqual([]);
  }
});
