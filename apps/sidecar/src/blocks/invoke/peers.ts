import { abortable, ComponentError, errorMessage, type Logger, silentLogger } from '@outrigger/core';
import { type AppRequest, type AppResponse, PeerError, type PeerTransport } from '@outrigger/runtime';

import { callAgainIfUntouched } from './call-again.ts';
import type { GrpcClient, GrpcClientOptions, HeartbeatTimes, PeerRefusedError, PeerTls } from '@outrigger/grpc/client';
import { messageLimit } from './internal-server.ts';
import type { PeerChannel } from './peer-channel.ts';

/** What the client's side of mutual TLS is; `MutualTls` of `@outrigger/identity`. */
export interface PeerSecurity {
  clientFor(target: PeerTarget): PeerTls;
}

/** Whose sidecar is called. */
export interface PeerTarget {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
}

interface Loaded {
  readonly Client: typeof GrpcClient;
  readonly Channel: typeof PeerChannel;
  readonly usualHeartbeat: HeartbeatTimes;
  readonly RefusedError: typeof PeerRefusedError;
}

let loading: Promise<Loaded> | undefined;

/** The client, and what needs the protocol's messages: imported once, with the first call to a peer. */
function load(): Promise<Loaded> {
  loading ??= Promise.all([import('@outrigger/grpc/client'), import('./peer-channel.ts')]).then(
    ([
      { GrpcClient: Client, defaultHeartbeat: usualHeartbeat, PeerRefusedError: RefusedError },
      { PeerChannel: Channel },
    ]) => ({
      Client,
      Channel,
      usualHeartbeat,
      RefusedError,
    }),
  );
  return loading;
}

export interface GrpcPeersOptions {
  /** Longest message in bytes; 0: no limit. Default 4 MiB. */
  readonly maxBodySize?: number;
  readonly logger?: Logger;
  /** Milliseconds to wait for a connection. Default 5 s. */
  readonly connectTimeout?: number;
  /** Milliseconds after its last call when a connection is closed. Default 3 min. */
  readonly idleTimeout?: number;
  /** When a sidecar is asked whether it is still there. Default: after 10 s of silence, with 5 s to answer. */
  readonly heartbeat?: HeartbeatTimes;
  /** Told of each call. Absent: nobody is. */
  readonly log?: GrpcClientOptions['log'] | undefined;
}

/** One sidecar that was called. */
interface Peer {
  readonly client: GrpcClient;
  readonly channel: PeerChannel;
  /** How many calls wait for its connection. */
  awaited: number;
}

/** Calls other sidecars over Dapr's internal gRPC protocol: one connection per address, kept until nobody has used it for a while. */
export class GrpcPeers implements PeerTransport {
  readonly #options: Required<Omit<GrpcPeersOptions, 'heartbeat' | 'log'>> &
    Pick<GrpcPeersOptions, 'heartbeat' | 'log'>;
  readonly #peers = new Map<string, Peer>();
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;
  #security: PeerSecurity | undefined;

  constructor(options: GrpcPeersOptions = {}) {
    this.#options = {
      maxBodySize: 4 * 1024 * 1024,
      logger: silentLogger,
      connectTimeout: 5000,
      idleTimeout: 180_000,
      ...options,
    };
  }

  /** How many sidecars there is a connection to, or will be. */
  get openConnections(): number {
    return this.#peers.size;
  }

  async call(address: string, target: PeerTarget, request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    signal.throwIfAborted();
    return callAgainIfUntouched(
      () => this.#peer(address, target, signal),
      ({ channel }) => channel.call(target.appId, request, signal),
      signal,
    );
  }

  /**
   * A client whose connection to that sidecar is up. Rejects with ComponentError `unavailable` when it is not to be had, with a PeerError
   * when one of both refuses the other.
   */
  async client(address: string, target: PeerTarget, signal: AbortSignal): Promise<GrpcClient> {
    return (await this.#peer(address, target, signal)).client;
  }

  /** Connects with mutual TLS from now on. To be called before the first call. */
  secureWith(security: PeerSecurity): void {
    this.#security = security;
  }

  /** Waits for no one: calls in flight are ended by those who made them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const [key, peer] of this.#peers) this.#drop(key, peer);
  }

  async #peer(address: string, target: PeerTarget, signal: AbortSignal): Promise<Peer> {
    // A connection that was verified to lead to one app is no way to another.
    const key = this.#security === undefined ? address : `${address} ${target.namespace}/${target.appId}`;
    const known = this.#peers.get(key);
    return known?.client.isConnected ? known : this.#connected(key, address, target, signal);
  }

  async #connected(key: string, address: string, target: PeerTarget, signal: AbortSignal): Promise<Peer> {
    const loaded = await load();
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'this sidecar is shutting down');
    const peer = this.#peers.get(key) ?? this.#open(loaded, key, address, target);
    peer.awaited++;
    try {
      await abortable(peer.client.connected(), signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#drop(key, peer);
      // Who is refused for what it shows is refused a second later, too.
      const isRefused = error instanceof Error && error.cause instanceof loaded.RefusedError;
      if (isRefused) throw new PeerError('UNAVAILABLE', errorMessage(error), { isUntouched: true, cause: error });
      // In Dapr's words.
      const message = `rpc error: code = Unavailable desc = ${errorMessage(error)}`;
      throw new ComponentError('unavailable', message, { cause: error });
    } finally {
      peer.awaited--;
    }
    return peer;
  }

  #open({ Client, Channel, usualHeartbeat }: Loaded, key: string, address: string, target: PeerTarget): Peer {
    const { connectTimeout, heartbeat = usualHeartbeat, idleTimeout, log, logger, maxBodySize } = this.#options;
    const tls = this.#security?.clientFor(target);
    const maxMessageSize = messageLimit(maxBodySize);
    const client = new Client({
      address,
      connectTimeout,
      earlyStatus: true,
      heartbeat,
      maxMessageSize,
      log,
      ...(tls && { tls }),
    });
    const peer = { client, channel: new Channel(client, maxBodySize, logger), awaited: 0 };
    this.#peers.set(key, peer);
    this.#sweep ??= setInterval(() => this.#closeIdle(), Math.max(idleTimeout / 4, 10)).unref();
    return peer;
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#options.idleTimeout;
    for (const [key, peer] of this.#peers) {
      if (peer.awaited === 0 && peer.client.idleSince < limit) this.#drop(key, peer);
    }
    if (this.#peers.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #drop(key: string, peer: Peer): void {
    if (this.#peers.get(key) === peer) this.#peers.delete(key);
    peer.client.close();
  }
}
