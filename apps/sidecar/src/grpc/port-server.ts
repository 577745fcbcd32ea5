import type { Socket } from 'node:net';

import { errorMessage, type Logger } from '@outrigger/core';

import type { Port } from './port.ts';
import type { GrpcServer } from '@outrigger/grpc/server';

/**
 * Answers gRPC calls on a bound port. What answers them is made when the first connection comes: a sidecar whose app does not
 * speak gRPC never loads it.
 */
export class PortServer implements AsyncDisposable {
  readonly #port: Port;
  readonly #logger: Logger;
  #starting: Promise<GrpcServer> | undefined;
  #closed: Promise<void> | undefined;

  constructor(port: Port, logger: Logger) {
    this.#port = port;
    this.#logger = logger;
  }

  /** The number that was bound; 0 for a Unix socket. */
  get port(): number {
    return this.#port.number;
  }

  /** Begins to answer; connections that have come before wait until then. To be called once. */
  serve(start: () => Promise<GrpcServer>): void {
    this.#port.serve((socket) => {
      this.#starting ??= start();
      this.#starting.then(
        (server) => inject(server, socket),
        (error: unknown) => {
          this.#logger.error(`the gRPC server did not start: ${errorMessage(error)}`);
          socket.destroy();
        },
      );
    });
  }

  /** Takes no new calls, lets those in flight end for `graceMs`, then cuts them off. Resolves when all are gone. */
  close(graceMs: number): Promise<void> {
    return (this.#closed ??= this.#close(graceMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(0);
  }

  async #close(graceMs: number): Promise<void> {
    const ended = this.#port.close();
    const cut = setTimeout(() => void this.#port[Symbol.asyncDispose](), graceMs);
    const server = await this.#starting?.catch(() => undefined);
    server?.sayGoodbye();
    await ended;
    clearTimeout(cut);
    server?.end();
  }
}

function inject(server: GrpcServer, socket: Socket): void {
  if (!socket.destroyed) server.inject(socket);
}
