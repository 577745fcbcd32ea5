import type { Socket } from 'node:net';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from '@outrigger/core';

import { addService } from './grpc-js-server.ts';
import type { CallContext, MethodApi, Service, UnknownMethodHandler } from './service.ts';

export interface GrpcServerOptions {
  readonly services: readonly Service[];
  /** Takes calls of methods that no service has. Absent: they are answered UNIMPLEMENTED. */
  readonly unknown?: UnknownMethodHandler;
  /** Asked before each call; throws the error that refuses it. `api` is absent for a method no service has. */
  readonly admit?: (path: string, context: CallContext, api: MethodApi | undefined) => void;
  /** Longest message to take, in bytes; 0: no limit. A longer one is refused with RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly maxMessageSize?: number;
  readonly logger: Logger;
}

/** Answers gRPC calls on connections that somebody else has accepted. */
export interface GrpcServer {
  /** Serves the calls on a connection, until it ends. */
  inject(socket: Socket): void;
  /** Tells every caller to make no new calls on its connection, which ends with its last call. */
  sayGoodbye(): void;
  /** Cuts every connection. */
  end(): void;
}

/** A server of these services; it listens nowhere by itself. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageSize === 0 ? -1 : (options.maxMessageSize ?? 4 * 1024 * 1024),
    'grpc.max_send_message_length': -1,
  });
  for (const service of options.services) addService(server, service, options.logger);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    inject: (socket) => injector.injectConnection(socket),
    sayGoodbye: () => server.tryShutdown(() => {}),
    end: () => server.forceShutdown(),
  };
}
