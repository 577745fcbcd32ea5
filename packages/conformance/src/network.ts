import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Line } from './network/line.ts';

export interface NetworkTarget {
  readonly host: string;
  readonly port: number;
}

export interface NetworkOptions {
  /** Where to listen on 127.0.0.1. Default: any free port. A broker that tells clients its own address needs it fixed. */
  readonly listenPort?: number;
}

export interface CutOptions {
  /**
   * What happens to who connects while the network is cut. `hang`: it gets a connection on which nothing ever comes, as with a
   * pulled cable; `refuse`: its connection is refused. Default `hang`.
   */
  readonly newConnections?: 'hang' | 'refuse';
}

export interface MendOptions {
  /**
   * Connections from before and during the cut are reset instead of going on: what a firewall or a router that has forgotten
   * them does after a cut of some length. Default false: each goes on where it stopped, nothing of its bytes is missing.
   */
  readonly reset?: boolean;
}

/** A TCP proxy on loopback between a client and a server, which can be cut and mended: a network for fault tests. */
export interface Network extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as many clients want it. */
  readonly address: string;
  /** How many connections clients hold through it, also while it is cut. */
  readonly connections: number;
  /**
   * From now on nothing gets through, in either direction: data, new connections and closes are held back. Established
   * connections stay open on both sides. What a side sends meanwhile waits in its own socket, so its memory is bounded and it
   * sees backpressure, as with a real cut.
   */
  cut(options?: CutOptions): Promise<void>;
  /** Undoes {@link cut}; does nothing when it is not cut. */
  mend(options?: MendOptions): Promise<void>;
  /** Resets every connection on both sides, at once; new ones can be made, unless it is cut. */
  reset(): void;
}

/**
 * Opens the network to one server. Disposal ends it with all its connections.
 *
 * @example
 * await using network = await openNetwork({ host: '127.0.0.1', port: 6379 });
 * const pubSub = await createPubSub({ host: network.address });
 * await network.cut();
 * await delay(20_000);
 * await network.mend({ reset: true });
 */
export async function openNetwork(target: NetworkTarget, { listenPort = 0 }: NetworkOptions = {}): Promise<Network> {
  const network = new LoopbackNetwork(target);
  await network.open(listenPort);
  return network;
}

const host = '127.0.0.1';

class LoopbackNetwork implements Network {
  readonly host: string = host;
  readonly #target: NetworkTarget;
  readonly #lines = new Set<Line>();
  #server: Server | undefined;
  #port = 0;
  #cut = false;

  constructor(target: NetworkTarget) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `${this.host}:${this.#port}`;
  }

  get connections(): number {
    return this.#lines.size;
  }

  async open(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('connection', (socket) => this.#accept(socket));
    server.listen(port, this.host);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the network has no port');
    this.#port = address.port;
    this.#server = server;
  }

  async cut({ newConnections = 'hang' }: CutOptions = {}): Promise<void> {
    this.#cut = true;
    for (const line of this.#lines) line.cut();
    if (newConnections === 'refuse') this.#stopListening();
  }

  async mend({ reset = false }: MendOptions = {}): Promise<void> {
    if (!this.#cut) return;
    if (!this.#server) await this.#listenAgain();
    this.#cut = false;
    if (reset) this.reset();
    else for (const line of this.#lines) line.mend();
  }

  reset(): void {
    for (const line of this.#lines) line.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    this.#stopListening();
    this.reset();
    if (server?.listening) await once(server, 'close');
  }

  #accept(client: Socket): void {
    const line = new Line(client, this.#target, () => this.#lines.delete(line));
    this.#lines.add(line);
    if (!this.#cut) line.mend();
  }

  #stopListening(): void {
    // the connections it has accepted stay open
    this.#server?.close();
    this.#server = undefined;
  }

  async #listenAgain(): Promise<void> {
    // another program may have the port for an outgoing connection of its own
    for (let attempt = 1; ; attempt++) {
      try {
        await this.open(this.#port);
        return;
      } catch (error) {
        if (attempt === 50) throw error;
        await delay(100);
      }
    }
  }
}
