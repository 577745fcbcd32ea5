import { join } from 'node:path';

import type { Logger } from '@outrigger/core';
import type { Metrics, Tracer } from '@outrigger/runtime';

import type { ProxyOptions } from '../blocks/invoke/proxy.ts';
import { bindPort } from '../grpc/port.ts';
import { PortServer } from '../grpc/port-server.ts';
import { parseListenAddresses } from '../http/listen.ts';
import type { Api } from './api.ts';
import type { Flags } from './flag-table.ts';

/** What the flag for headers is exceeded by, as over HTTP; HTTP/2 counts 32 bytes more for each of them. */
const headerSlack = 4096;

export interface PublicGrpcOptions {
  readonly api: Api;
  readonly flags: Flags;
  /** What calls of services that are not ours are handed on through. */
  readonly proxy: Omit<ProxyOptions, 'invocation'>;
  /** Every call must carry it. Empty or absent: none. */
  readonly apiToken: string | undefined;
  /** Milliseconds without a call after which a connection is ended. Default 3 min. */
  readonly maxIdle: number | undefined;
  readonly logger: Logger;
  /** Takes secrets out of the text of an error that is answered. */
  readonly hideSecrets?: (text: string) => string;
  /** Takes what is counted. Absent: nothing is. */
  readonly metrics?: Metrics | undefined;
  /** Records calls as spans. Absent: nobody does. */
  readonly tracer?: Tracer | undefined;
  /** Where calls are logged, asked with each of them; `undefined`: it is not. */
  readonly apiLogger: () => Logger | undefined;
  /** Told the code of each error that is answered. */
  readonly onError?: ((errorCode: string) => void) | undefined;
}

/**
 * Serves the gRPC API on the port or socket that the flags name. The API itself is imported when the first client connects.
 * Rejects with a ListenError when the port cannot be bound.
 */
export async function servePublicGrpc(options: PublicGrpcOptions): Promise<PortServer> {
  const { api, flags, proxy, apiToken, maxIdle, logger, apiLogger, hideSecrets, metrics, tracer } = options;
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
    const [{ createGrpcServer }, { admission }, { callListeners }, { grpcApi }, { proxyCalls }, spans] =
      await Promise.all([
        import('@outrigger/grpc/server'),
        import('../grpc/admission.ts'),
        import('../grpc/call-listeners.ts'),
        import('./grpc-api.ts'),
        import('../blocks/invoke/proxy.ts'),
        import('../tracing/grpc-spans.ts'),
      ]);
    const proxied = proxyCalls({ invocation: api.runtime.invocation, ...proxy });
    return createGrpcServer({
      services: spans.traceServices(grpcApi(api), tracer),
      unknown: spans.traceProxy(proxied, tracer, spans.proxyKind(api.runtime.appId)),
      admit: admission({ apiToken, access: () => api.runtime.configuration.api }),
      ...(hideSecrets && { hideSecrets }),
      onError: options.onError,
      ...callListeners({ apiLogger, metrics }),
      maxMessageSize: flags['max-body-size'],
      maxMessageSizeSetting: '--max-body-size',
      maxHeaderSize: flags['read-buffer-size'] + headerSlack,
      ...(maxIdle !== undefined && { keepalive: { maxIdle } }),
      logger,
    });
  });
  logger.info(`gRPC server is listening on ${folder ? folder : `port ${server.port}`}`);
  return server;
}
