import type { Socket } from 'node:net';

import { errorMessage, type Logger } from '@outrigger/core';
import type { Invocation } from '@outrigger/runtime';

import { loadGrpcJs } from '../../grpc/grpc-js.ts';
import { bindInternalPort, type InternalPort, type InternalPortOptions } from '../../grpc/internal-port.ts';

export interface InternalServerOptions extends InternalPortOptions {
  /** Longest message in bytes; 0: no limit. Streamed bodies may be longer, in several messages. Default 4 MiB. */
  readonly maxBodySize?: number;
  readonly logger: Logger;
}

/** What other sidecars talk to. */
export interface InternalServer {
  /** The port that was bound. */
  readonly port: number;
  /** Begins to answer; connections that have come before wait until then. To be called once. */
  serve(invocation: Pick<Invocation, 'fromPeer'>): void;
  /** Takes no new calls, lets those in flight end for `graceMs`, then cuts them off. Resolves when all are gone. */
  close(graceMs: number): Promise<void>;
}

/** How much of a body may be under way on one connection, so that the round trip does not bound what a stream can carry. */
export const flowControlWindow: number = 1024 * 1024;

/** A message holds a body's limit and, beside it, headers. */
const headSize = 64 * 1024;

/** The longest message to take, as the gRPC library wants it. */
export function messageLimit(maxBodySize: number = 4 * 1024 * 1024): number {
  return maxBodySize > 0 ? Math.max(maxBodySize, flowControlWindow) + headSize : -1;
}

/** Binds the port; the gRPC library is imported when the first peer connects. Rejects when the port cannot be bound. */
export async function serveInternal(options: InternalServerOptions): Promise<InternalServer> {
  return new GrpcInternalServer(await bindInternalPort(options), options);
}

interface Started {
  inject(socket: Socket): void;
  /** Tells every peer to make no new calls on its connection, which ends with its last call. */
  sayGoodbye(): void;
  end(): void;
}

class GrpcInternalServer implements InternalServer {
  readonly #internalPort: InternalPort;
  readonly #options: InternalServerOptions;
  #started: Promise<Started> | undefined;
  #closed: Promise<void> | undefined;

  constructor(internalPort: InternalPort, options: InternalServerOptions) {
    this.#internalPort = internalPort;
    this.#options = options;
  }

  get port(): number {
    return this.#internalPort.port;
  }

  serve(invocation: Pick<Invocation, 'fromPeer'>): void {
    this.#internalPort.serve((socket) => {
      this.#started ??= this.#start(invocation);
      this.#started.then(
        (started) => started.inject(socket),
        (error: unknown) => {
          this.#options.logger.error(`the internal gRPC server did not start: ${errorMessage(error)}`);
          socket.destroy();
        },
      );
    });
  }

  close(graceMs: number): Promise<void> {
    return (this.#closed ??= this.#close(graceMs));
  }

  async #close(graceMs: number): Promise<void> {
    const ended = this.#internalPort.close();
    const started = await this.#started?.catch(() => undefined);
    started?.sayGoodbye();
    const cut = setTimeout(() => void this.#internalPort[Symbol.asyncDispose](), graceMs);
    await ended;
    clearTimeout(cut);
    started?.end();
  }

  async #start(invocation: Pick<Invocation, 'fromPeer'>): Promise<Started> {
    const [{ Server, ServerCredentials }, { addService }, { serviceInvocation }] = await Promise.all([
      loadGrpcJs(),
      import('../../grpc/grpc-js-server.ts'),
      import('./service-invocation.ts'),
    ]);
    const { logger, maxBodySize } = this.#options;
    const server = new Server({
      'grpc.max_receive_message_length': messageLimit(maxBodySize),
      'grpc.max_send_message_length': -1,
      'grpc-node.flow_control_window': flowControlWindow,
    });
    addService(server, serviceInvocation(invocation), logger);
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    return {
      inject: (socket) => injector.injectConnection(socket),
      // What it says of when it is done cannot be trusted: on Node.js 24 it does not wait for calls in flight.
      sayGoodbye: () => server.tryShutdown(() => {}),
      end: () => server.forceShutdown(),
    };
  }
}
