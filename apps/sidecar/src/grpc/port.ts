import { createServer, type Server, type Socket } from 'node:net';

import { type Endpoint, listen, type ListenFlags, listenOnEach } from '../http/listen.ts';

export interface PortOptions {
  /** Where to listen. An empty host: every address. Port 0 picks a free one, the same for all addresses. */
  readonly endpoints: readonly Endpoint[];
  /** How messages call the flags for port and address. */
  readonly flags: ListenFlags;
}

/** A port on which gRPC is spoken. Bound before anything is there that could answer. */
export interface Port extends AsyncDisposable {
  /** 0 for a Unix socket. */
  readonly number: number;
  /** Hands over each connection, those first that have come already. To be called once. */
  serve(onConnection: (socket: Socket) => void): void;
  /** Takes no more connections. Resolves when those that are there have ended; who answers on them sees to that. */
  close(): Promise<void>;
}

/**
 * Binds with plain sockets: nothing of gRPC is needed for that, and importing it takes longer than the rest of the start.
 * Connections are held back until {@link Port.serve}. Disposal cuts those that are left.
 *
 * Rejects with a ListenError, which names the address, the flag and the way out; nothing is bound then.
 */
export async function bindPort({ endpoints, flags }: PortOptions): Promise<Port> {
  const port = new BoundPort();
  try {
    await port.bind(endpoints, flags);
    return port;
  } catch (error) {
    await port[Symbol.asyncDispose]();
    throw error;
  }
}

class BoundPort implements Port {
  readonly #servers: Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #waiting = new Set<Socket>();
  #onConnection: ((socket: Socket) => void) | undefined;
  #closed: Promise<void> | undefined;
  number = 0;

  async bind(endpoints: readonly Endpoint[], flags: ListenFlags): Promise<void> {
    this.number = await listenOnEach(endpoints, flags, async (endpoint) => {
      const server = createServer({ noDelay: true }, (socket) => this.#take(socket));
      const bound = await listen(server, endpoint, flags);
      this.#servers.push(server);
      return bound;
    });
  }

  serve(onConnection: (socket: Socket) => void): void {
    this.#onConnection = onConnection;
    for (const socket of this.#waiting) onConnection(socket);
    this.#waiting.clear();
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#waiting) socket.destroy();
    await Promise.all(closed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    return this.close();
  }

  #take(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#waiting.delete(socket);
    });
    // A connection that breaks tells so again where it is used; without a listener it would end the process.
    socket.on('error', () => {});
    if (this.#onConnection === undefined) this.#waiting.add(socket);
    else this.#onConnection(socket);
  }
}
