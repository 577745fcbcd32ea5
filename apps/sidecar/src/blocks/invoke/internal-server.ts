import type { Logger } from '@outrigger/core';
import type { GrpcServer } from '@outrigger/grpc/server';
import type { MutualTls } from '@outrigger/identity';
import type { Invocation, Tracer } from '@outrigger/runtime';

import type { GrpcAppConnection } from '../../app/grpc-app-connection.ts';
import { bindPort } from '../../grpc/port.ts';
import { PortServer } from '../../grpc/port-server.ts';
import { tracePeers, withMetadataTrace } from '../../tracing/peer-spans.ts';

export interface InternalServerOptions {
  /** Empty: every address. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Longest message in bytes; 0: no limit. Streamed bodies may be longer, in several messages. Default 4 MiB. */
  readonly maxBodySize?: number;
  /** Takes the gRPC calls of peers that are for the app; absent: it speaks no gRPC. */
  readonly grpcApp?: GrpcAppConnection | undefined;
  readonly logger: Logger;
}

/** What other sidecars talk to. */
export interface InternalServer {
  /** The port that was bound. */
  readonly port: number;
  /**
   * Begins to answer; connections that have come before wait until then. To be called once.
   *
   * @param tls absent: plaintext
   * @param tracing records the calls that come as spans of the app of that id; absent: nobody does
   */
  serve(
    invocation: Pick<Invocation, 'fromPeer' | 'proxyFromPeer'>,
    tls?: ServerTls,
    tracing?: { readonly appId: string; readonly tracer: Tracer | undefined },
  ): void;
  /** Takes no new calls, lets those in flight end for `graceMs`, then cuts them off. Resolves when all are gone. */
  close(graceMs: number): Promise<void>;
}

/** What the server's side of mutual TLS is; `MutualTls` of `@outrigger/identity`. */
type ServerTls = Pick<MutualTls, 'server' | 'onOtherRoots'>;

/** A message holds a piece of a body, or all of one within the limit, and beside it headers. */
const headSize = 64 * 1024;
const defaultBodySize = 4 * 1024 * 1024;
const flags = { port: '--dapr-internal-grpc-port', address: '--dapr-internal-grpc-listen-address' };

/** Bytes of the longest message to take between sidecars; 0: no limit. */
export function messageLimit(maxBodySize: number = defaultBodySize): number {
  return maxBodySize > 0 ? Math.max(maxBodySize, 1024 * 1024) + headSize : 0;
}

/** Binds the port; what answers is imported when the first peer connects. Rejects when the port cannot be bound. */
export async function serveInternal(options: InternalServerOptions): Promise<InternalServer> {
  const { host, port, maxBodySize, grpcApp, logger } = options;
  const server = new PortServer(await bindPort({ endpoints: [{ host, port }], flags }), logger);
  return {
    port: server.port,
    serve: (invocation, tls, tracing) =>
      server.serve(async () => {
        const [{ createGrpcServer }, { proxyCallsOfPeers }, { serviceInvocation }, { traceProxy }] = await Promise.all([
          import('@outrigger/grpc/server'),
          import('./proxy.ts'),
          import('./service-invocation.ts'),
          import('../../tracing/grpc-spans.ts'),
        ]);
        const { appId = '', tracer } = tracing ?? {};
        const traced = tracePeers(invocation, appId, tracer);
        const grpc = createGrpcServer({
          services: [withMetadataTrace(serviceInvocation(traced, maxBodySize), tracer)],
          unknown: traceProxy(proxyCallsOfPeers({ invocation, app: grpcApp }), tracer, () => 'server'),
          maxMessageSize: messageLimit(maxBodySize),
          maxMessageSizeSetting: '--max-body-size',
          notHttp2Hint: 'if it is a sidecar with --enable-mtls, start this one with --enable-mtls, too',
          logger,
        });
        return tls === undefined ? grpc : overTls(grpc, tls, logger);
      }),
    close: (graceMs) => server.close(graceMs),
  };
}

/** The same server, for callers that show who they are. */
async function overTls(grpc: GrpcServer, tls: ServerTls, logger: Logger): Promise<GrpcServer> {
  const { acceptTls } = await import('@outrigger/grpc/tls');
  tls.onOtherRoots(() => grpc.renewConnections());
  const inject = acceptTls({
    tls: tls.server,
    onConnection: (socket, peer) => grpc.inject(socket, peer),
    plaintextHint: 'the called sidecar has --enable-mtls; start the calling one with --enable-mtls, too',
    logger,
  });
  return {
    inject,
    sayGoodbye: () => grpc.sayGoodbye(),
    renewConnections: () => grpc.renewConnections(),
    end: () => grpc.end(),
  };
}
