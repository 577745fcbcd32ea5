import { join } from 'node:path';

import type { Logger } from '@outrigger/core';

import type { ProxyOptions } from '../blocks/invoke/proxy.ts';
import { bindPort } from '../grpc/port.ts';
import { PortServer } from '../grpc/port-server.ts';
import { parseListenAddresses } from '../http/listen.ts';
import type { Api } from './api.ts';
import type { Flags } from './flag-table.ts';

export interface PublicGrpcOptions {
  readonly api: Api;
  readonly flags: Flags;
  /** What calls of services that are not ours are handed on through. */
  readonly proxy: Omit<ProxyOptions, 'invocation'>;
  readonly logger: Logger;
}

/**
 * Serves the gRPC API on the port or socket that the flags name. The API itself is imported when the first client connects.
 * Rejects with a ListenError when the port cannot be bound.
 */
export async function servePublicGrpc({ api, flags, proxy, logger }: PublicGrpcOptions): Promise<PortServer> {
  const folder = flags['unix-domain-socket'];
  const port = flags['dapr-grpc-port'];
  const endpoints = folder
    ? [{ socketPath: join(folder, `dapr-${api.runtime.appId}-grpc.socket`) }]
    : parseListenAddresses(flags['dapr-listen-addresses']).map((host) => ({ host, port }));
  const bound = await bindPort({
    endpoints,
    flags: { port: '--dapr-grpc-port', address: '--dapr-listen-addresses' },
  });
  const server = new PortServer(bound, logger);
  server.serve(async () => {
    const [{ createGrpcServer }, { grpcApi }, { proxyCalls }] = await Promise.all([
      import('../grpc/server.ts'),
      import('./grpc-api.ts'),
      import('../blocks/invoke/proxy.ts'),
    ]);
    return createGrpcServer({
      services: grpcApi(api),
      unknown: proxyCalls({ invocation: api.runtime.invocation, ...proxy }),
      maxMessageSize: flags['max-body-size'],
      logger,
    });
  });
  logger.info(`gRPC server is listening on ${folder ? folder : `port ${server.port}`}`);
  return server;
}
