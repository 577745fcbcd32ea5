import { createServer, type AddressInfo, type Socket } from 'node:net';

import { errorMessage } from '@outrigger/core';

import { listenOn } from '../http/listen-on.ts';

export interface InternalPortOptions {
  /** Empty: every address. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** The port on which other sidecars call this one. Bound before anything is there that could answer. */
export interface InternalPort extends AsyncDisposable {
  readonly port: number;
  /** Hands over each connection, those first that have come already. To be called once. */
  serve(onConnection: (socket: Socket) => void): void;
  /** Takes no more connections. Resolves when those that are there have ended; who answers on them sees to that. */
  close(): Promise<void>;
}

/**
 * Binds the internal port with a plain socket: the gRPC library, whose import takes longer than the rest of the start, is not
 * needed for that. Connections are held back until {@link InternalPort.serve}. Disposal cuts those that are left.
 *
 * Rejects with an error that names the port, the flag and the way out when the port cannot be bound.
 */
export function bindInternalPort({ host, port }: InternalPortOptions): Promise<InternalPort> {
  const open = new Set<Socket>();
  const waiting = new Set<Socket>();
  let onConnection: ((socket: Socket) => void) | undefined;

  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      waiting.delete(socket);
    });
    // A connection that breaks tells so again where it is used; without a listener it would end the process.
    socket.on('error', () => {});
    if (onConnection === undefined) waiting.add(socket);
    else onConnection(socket);
  });

  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of waiting) socket.destroy();
    }));

  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(bindError(error, host, port)));
    server.once('listening', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        serve(handOver) {
          onConnection = handOver;
          for (const socket of waiting) handOver(socket);
          waiting.clear();
        },
        close,
        [Symbol.asyncDispose]: () => {
          for (const socket of open) socket.destroy();
          return close();
        },
      });
    });
    if (host === '') server.listen({ port });
    else listenOn(server, host, port);
  });
}

function bindError(error: Error, host: string, port: number): Error {
  const where = host === '' ? `port ${port}` : `${host}:${port}`;
  const code = 'code' in error ? error.code : undefined;
  const flag = '--dapr-internal-grpc-port';
  if (code === 'EADDRINUSE') {
    const fix = `stop what listens there, or choose another one with ${flag} (0 picks a free one)`;
    return new Error(`the internal ${where} is in use: ${fix}`, { cause: error });
  }
  if (code === 'EACCES') {
    return new Error(`no permission for the internal ${where}: choose one above 1023 with ${flag}`, { cause: error });
  }
  const fix = `check --dapr-internal-grpc-listen-address and ${flag}`;
  return new Error(`cannot listen on the internal ${where}: ${errorMessage(error)}; ${fix}`, { cause: error });
}
