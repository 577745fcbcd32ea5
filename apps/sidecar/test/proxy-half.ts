import { type AddressInfo, createServer } from 'node:net';

import { Client, credentials, Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { retry, silentLogger } from '@outrigger/core';
import { createInvocation, type InvocationOptions } from '@outrigger/runtime';
import { onTestFinished } from 'vitest';

import { GrpcAppChannel } from '../src/app/grpc-app-channel.ts';
import { serveInternal } from '../src/blocks/invoke/internal-server.ts';
import { GrpcPeers } from '../src/blocks/invoke/peers.ts';
import { proxyCalls } from '../src/blocks/invoke/proxy.ts';
import { createGrpcServer } from '@outrigger/grpc/server';
import type { Directory } from './sidecar-half.ts';

const same = (bytes: Buffer): Buffer => bytes;

/** A gRPC app on a free loopback port, its messages as bytes; closed when the test ends. */
export async function listenGrpcApp(service: string, implementation: UntypedServiceImplementation): Promise<number> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const kinds: Readonly<Record<string, readonly [boolean, boolean]>> = {
    unary: [false, false],
    serverStream: [false, true],
    clientStream: [true, false],
    bidi: [true, true],
  };
  const methods = Object.keys(implementation).map((name) => {
    const [requestStream, responseStream] = kinds[name] ?? [true, true];
    const codec = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    return [name, { path: `/${service}/${name}`, requestStream, responseStream, ...codec }] as const;
  });
  server.addService(Object.fromEntries(methods), implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return port;
}

export interface ProxyHalfOptions extends Partial<InvocationOptions> {
  readonly appId: string;
  readonly directory: Directory;
  /** Of an app that speaks gRPC. */
  readonly grpcAppPort?: number;
  readonly appToken?: string;
  readonly maxMessageSize?: number;
}

/** The parts of a sidecar that proxied calls run through, on real sockets, and clients of its public and of its internal port. */
export async function startProxyHalf({
  directory,
  grpcAppPort,
  appToken,
  maxMessageSize,
  ...options
}: ProxyHalfOptions): Promise<{ readonly client: Client; readonly peer: Client }> {
  const app =
    grpcAppPort === undefined
      ? undefined
      : new GrpcAppChannel({
          port: grpcAppPort,
          logger: silentLogger,
          ...(appToken && { appToken }),
          ...(maxMessageSize && { maxMessageSize }),
        });
  const limits = maxMessageSize === undefined ? {} : { maxBodySize: maxMessageSize };
  const internal = await serveInternal({
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    grpcApp: app?.connection,
    ...limits,
  });
  const peers = new GrpcPeers({ connectTimeout: 2000, ...limits });
  const invocation = createInvocation({
    namespace: '',
    app,
    resolver: directory,
    peers,
    policies: {
      generation: 0,
      app: () => undefined,
      hasApp: () => false,
      serviceRetry: retry({ maxRetries: 3, duration: 1 }),
    },
    ...options,
  });
  internal.serve(invocation);
  directory.add(options.appId, internal.port);

  const unknown = proxyCalls({ invocation, peers, app: app?.connection });
  const grpc = createGrpcServer({
    services: [],
    unknown,
    logger: silentLogger,
    ...(maxMessageSize && { maxMessageSize }),
  });
  const server = createServer({ noDelay: true }, (socket) => grpc.inject(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
  });
  const peer = new Client(`127.0.0.1:${internal.port}`, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    peer.close();
    grpc.end();
    server.close();
    await peers[Symbol.asyncDispose]();
    await internal.close(0);
    await invocation[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });
  return { client, peer };
}
