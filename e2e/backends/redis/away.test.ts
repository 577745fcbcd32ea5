import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { freePorts } from '../../processes/ports.ts';
import { startRedis } from '../../processes/redis.ts';
import { Sidecar } from '../../processes/sidecar.ts';
import { configFile, resourcesOf, Workspace } from '../../processes/workspace.ts';

it('with --retry-components a sidecar that starts before its Redis subscribes and saves once that is there', async () => {
  using workspace = new Workspace();
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-redis-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [port = 0] = await freePorts(1);
  const delivered = Promise.withResolvers<void>();
  const app = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/orders') delivered.resolve();
      const subscriptions = [{ pubsubname: 'pubsub', topic: 'orders', route: '/orders' }];
      if (request.url === '/dapr/subscribe') response.end(JSON.stringify(subscriptions));
      else response.writeHead(request.url === '/orders' ? 200 : 404).end();
    });
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    app.closeAllConnections();
    app.close();
  });
  await using sidecar = await Sidecar.start({
    appId: 'early',
    appPort: (app.address() as AddressInfo).port,
    resourcesPath: resourcesOf('redis'),
    config: configFile,
    args: ['--retry-components'],
    env: { ...workspace.env, OUTRIGGER_TEST_REDIS: `127.0.0.1:${port}` },
  });
  const publish = async () => (await sidecar.post('/v1.0/publish/pubsub/orders', { id: 1 })).status;
  const save = async () => (await sidecar.post('/v1.0/state/statestore', [{ key: 'k', value: 1 }])).status;
  expect([await publish(), await save()]).toEqual([503, 503]);

  await using _redis = await startRedis(port, folder);
  for (const name of ['statestore', 'pubsub', 'outboxstore'])
    await sidecar.line(new RegExp(`${name} .* is up now`), 90_000);
  expect([await publish(), await save()]).toEqual([204, 204]);
  await delivered.promise;
  expect((await sidecar.fetch('/v1.0/healthz/components')).status).toBe(200);
});
