import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { expect, it, vi } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { resourcesOf, Workspace } from './processes/workspace.ts';

it('a blocked shutdown gives the app no further events, lets it finish, and serves the APIs until it is over', async () => {
  using workspace = new Workspace();
  const seen: unknown[] = [];
  const answer = Promise.withResolvers<void>();
  const app = createServer((request, response) => {
    if (request.url === '/dapr/subscribe') {
      response.end(JSON.stringify([{ pubsubname: 'pubsub', topic: 'orders', route: '/orders' }]));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url !== '/orders') return void response.writeHead(404).end();
      seen.push((JSON.parse(Buffer.concat(chunks).toString()) as { data: unknown }).data);
      void answer.promise.then(() => response.end());
    });
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const options = {
    appId: 'shop',
    appPort: (app.address() as AddressInfo).port,
    resourcesPath: resourcesOf('sqlite'),
    env: workspace.env,
    args: ['--dapr-block-shutdown-duration', '8s'],
  };
  {
    await using sidecar = await Sidecar.start(options);
    expect((await sidecar.post('/v1.0/publish/pubsub/orders', 1)).status).toBe(204);
    await vi.waitFor(() => expect(seen).toEqual([1]), { timeout: 60_000 });
    const ended = sidecar.stop('SIGTERM');
    await sidecar.line(/blocking shutdown/);
    await delay(200);
    expect((await sidecar.post('/v1.0/publish/pubsub/orders', 2)).status).toBe(204);
    expect((await sidecar.post('/v1.0/state/statestore', [{ key: 'k', value: 1 }])).status).toBe(204);
    await delay(500);
    expect(seen).toEqual([1]);
    answer.resolve();
    expect(await ended).toEqual({ code: 0, signal: null });
  }
  // what was finished is done with, and what was held back is there for the next
  await using _ = await Sidecar.start(options);
  await vi.waitFor(() => expect(seen).toEqual([1, 2]), { timeout: 60_000 });
  app.closeAllConnections();
  app.close();
});
