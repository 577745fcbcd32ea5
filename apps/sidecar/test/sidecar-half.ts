import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type NameResolver, retry, silentLogger } from '@outrigger/core';
import { createInvocation, HttpAppChannel, type Invocation, type InvocationOptions } from '@outrigger/runtime';
import { onTestFinished } from 'vitest';

import { invokeFallback, invokeRoutes } from '../src/blocks/invoke/http.ts';
import { type InternalServer, serveInternal } from '../src/blocks/invoke/internal-server.ts';
import { GrpcPeers } from '../src/blocks/invoke/peers.ts';
import { serve } from './served.ts';

/** An app on a free loopback port, closed when the test ends. */
async function listenApp(handler: RequestListener): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Where sidecars find each other in a test: addresses by app id, `app.namespace` where there is one. */
export class Directory implements NameResolver {
  readonly addresses = new Map<string, string[]>();

  add(appId: string, port: number): void {
    this.addresses.set(appId, [...(this.addresses.get(appId) ?? []), `127.0.0.1:${port}`]);
  }

  async resolve({ appId, namespace }: { appId: string; namespace: string }): Promise<readonly string[]> {
    return this.addresses.get(namespace === '' ? appId : `${appId}.${namespace}`) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export interface HalfOptions extends Partial<InvocationOptions> {
  readonly appId: string;
  readonly directory?: Directory;
  /** The app; absent: there is none. */
  readonly handler?: RequestListener;
  readonly maxBodySize?: number;
}

export interface Half {
  /** Of the HTTP API. */
  readonly url: string;
  readonly port: number;
  readonly invocation: Invocation;
  readonly internal: InternalServer;
  readonly appPort: number | undefined;
}

/** What never applies a policy of the user's, and does not wait between the built-in retries. */
const noPolicies: InvocationOptions['policies'] = {
  generation: 0,
  app: () => undefined,
  hasApp: () => false,
  serviceRetry: retry({ maxRetries: 3, duration: 1 }),
};

/** The parts of a sidecar that invocation runs through, on real sockets: HTTP API, app channel, internal gRPC. */
export async function startHalf({ handler, directory, maxBodySize, ...options }: HalfOptions): Promise<Half> {
  const app = handler && (await listenApp(handler));
  const channel =
    app && new HttpAppChannel({ appId: options.appId, port: app.port, logger: silentLogger, maxBodySize });
  const internal = await serveInternal({ host: '127.0.0.1', port: 0, logger: silentLogger });
  const peers = new GrpcPeers({ connectTimeout: 2000 });
  const invocation = createInvocation({
    namespace: '',
    app: channel,
    resolver: directory,
    peers,
    policies: noPolicies,
    hostAddress: '10.1.2.3',
    ...options,
  });
  internal.serve(invocation);
  directory?.add(options.appId, internal.port);
  onTestFinished(async () => {
    await peers[Symbol.asyncDispose]();
    await internal.close(0);
    await invocation[Symbol.asyncDispose]();
    await channel?.[Symbol.asyncDispose]();
  });
  const served = await serve({
    routes: invokeRoutes(invocation),
    fallback: invokeFallback(invocation),
    ...(maxBodySize === undefined ? {} : { maxBodySize }),
  });
  return { url: served.url, port: served.port, invocation, internal, appPort: app?.port };
}
