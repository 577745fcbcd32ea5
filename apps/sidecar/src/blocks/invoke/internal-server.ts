import type { Socket } from 'node:net';

import { errorMessage, type Logger } from '@outrigger/core';
import type { Invocation } from '@outrigger/runtime';

import { bindInternalPort, type InternalPort, type InternalPortOptions } from '../../grpc/internal-port.ts';
import type { GrpcServer } from '../../grpc/server.ts';

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

/** A message holds a piece of a body, or all of one within the limit, and beside it headers. */
const headSize = 64 * 1024;
const defaultBodySize = 4 * 1024 * 1024;

/** Bytes of the longest message to take between sidecars; 0: no limit. */
export function messageLimit(maxBodySize: number = defaultBodySize): number {
  return maxBodySize > 0 ? Math.max(maxBodySize, 1024 * 1024) + headSize : 0;
}

/** Binds the port; the gRPC library is imported when the first peer connects. Rejects when the port cannot be bound. */
export async function serveInternal(options: InternalServerOptions): Promise<InternalServer> {
  return new GrpcInternalServer(await bindInternalPort(options), options);
}

class GrpcInternalServer implements InternalServer {
  readonly #internalPort: InternalPort;
  readonly #options: InternalServerOptions;
  #started: Promise<GrpcServer> | undefined;
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

  async #start(invocation: Pick<Invocation, 'fromPeer'>): Promise<GrpcServer> {
    const [{ createGrpcServer }, { serviceInvocation }] = await Promise.all([
      import('../../grpc/server.ts'),
      import('./service-invocation.ts'),
    ]);
    const { logger, maxBodySize } = this.#options;
    return createGrpcServer({
      services: [serviceInvocation(invocation)],
      maxMessageSize: messageLimit(maxBodySize),
      logger,
    });
  }
}
