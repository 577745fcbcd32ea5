import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { TestSentry } from '@outrigger/identity/testing';

import { Sidecar, type SidecarOptions } from '../processes/sidecar.ts';
import { configFile, Workspace } from '../processes/workspace.ts';

/** Two apps whose sidecars have their certificates from one authority: `shop`, which calls, and `orders`, which answers. */
export interface Scene extends AsyncDisposable {
  readonly sentry: TestSentry;
  readonly workspace: Workspace;
  readonly shop: Sidecar;
  readonly orders: Sidecar;
  /** A further sidecar of this mesh; it has to be disposed by who starts it. */
  start(options: SidecarOptions, sentry?: TestSentry): Promise<Sidecar>;
}

export interface SceneOptions {
  /** Milliseconds for which certificates are valid; they are renewed at half of that. */
  readonly ttl: number;
}

export async function startScene({ ttl }: SceneOptions): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const workspace = stack.use(new Workspace());
  const sentry = stack.use(await TestSentry.start({ ttl }));
  const app = createServer((request, answer) => {
    if (request.url === '/dapr/subscribe' || request.url === '/dapr/config') {
      answer.writeHead(404).end();
      return;
    }
    void answered(request).then((body) => answer.setHeader('content-type', 'application/json').end(body));
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    app.closeAllConnections();
    app.close();
  });
  const start = (options: SidecarOptions, authority = sentry): Promise<Sidecar> =>
    Sidecar.start({
      config: configFile,
      ...options,
      args: ['--enable-mtls', '--sentry-address', authority.address, ...(options.args ?? [])],
      env: { ...workspace.env, DAPR_TRUST_ANCHORS: authority.authority.root, ...options.env },
    });
  const { port: appPort } = app.address() as AddressInfo;
  const orders = stack.use(await start({ appId: 'orders', appPort }));
  const shop = stack.use(await start({ appId: 'shop' }));
  const parts = stack.move();
  return { sentry, workspace, shop, orders, start, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Says what came and from whom. */
async function answered(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method, url, headers } = request;
  return JSON.stringify({ method, url, caller: headers['dapr-caller-app-id'], body: Buffer.concat(chunks).toString() });
}
