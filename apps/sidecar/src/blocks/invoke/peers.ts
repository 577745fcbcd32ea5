import { ComponentError, errorMessage, type Logger, silentLogger } from '@outrigger/core';
import { type AppRequest, type AppResponse, type PeerTransport, unlessAborted } from '@outrigger/runtime';

import { callAgainIfUntouched } from './call-again.ts';
import type { GrpcClient, HeartbeatTimes } from '@outrigger/grpc/client';
import { messageLimit } from './internal-server.ts';
import type { PeerChannel } from './peer-channel.ts';

interface Loaded {
  readonly Client: typeof GrpcClient;
  readonly Channel: typeof PeerChannel;
  readonly usualHeartbeat: HeartbeatTimes;
}

let loading: Promise<Loaded> | undefined;

/** The client, and what needs the protocol's messages: imported once, with the first call to a peer. */
function load(): Promise<Loaded> {
  loading ??= Promise.all([import('@outrigger/grpc/client'), import('./peer-channel.ts')]).then(
    ([{ GrpcClient: Client, defaultHeartbeat: usualHeartbeat }, { PeerChannel: Channel }]) => ({
      Client,
      Channel,
      usualHeartbeat,
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
}

/** One sidecar that was called. */
interface Peer {
  readonly client: GrpcClient;
  readonly channel: PeerChannel;
}

/** Calls other sidecars over Dapr's internal gRPC protocol: one connection per address, kept until nobody has used it for a while. */
export class GrpcPeers implements PeerTransport {
  readonly #options: Required<Omit<GrpcPeersOptions, 'heartbeat'>> & Pick<GrpcPeersOptions, 'heartbeat'>;
  readonly #peers = new Map<string, Peer>();
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;

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

  async call(
    address: string,
    target: { readonly appId: string; readonly namespace: string },
    request: AppRequest,
    signal: AbortSignal,
  ): Promise<AppResponse> {
    signal.throwIfAborted();
    return callAgainIfUntouched(
      () => this.#peer(address, signal),
      ({ channel }) => channel.call(target.appId, request, signal),
      signal,
    );
  }

  /** A client whose connection to that sidecar is up. Rejects with ComponentError `unavailable` when it is not to be had. */
  async client(address: string, signal: AbortSignal): Promise<GrpcClient> {
    return (await this.#peer(address, signal)).client;
  }

  /** Waits for no one: calls in flight are ended by those who made them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const [address, peer] of this.#peers) this.#drop(address, peer);
  }

  async #peer(address: string, signal: AbortSignal): Promise<Peer> {
    const known = this.#peers.get(address);
    return known?.client.isConnected ? known : this.#connected(address, signal);
  }

  async #connected(address: string, signal: AbortSignal): Promise<Peer> {
    const loaded = await load();
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'this sidecar is shutting down');
    const peer = this.#peers.get(address) ?? this.#open(loaded, address);
    try {
      await unlessAborted(peer.client.connected(), signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#drop(address, peer);
      // In Dapr's words.
      const message = `rpc error: code = Unavailable desc = ${errorMessage(error)}`;
      throw new ComponentError('unavailable', message, { cause: error });
    }
    return peer;
  }

  #open({ Client, Channel, usualHeartbeat }: Loaded, address: string): Peer {
    const { connectTimeout, heartbeat = usualHeartbeat, idleTimeout, logger, maxBodySize } = this.#options;
    const client = new Client({ address, connectTimeout, heartbeat, maxMessageSize: messageLimit(maxBodySize) });
    const peer = { client, channel: new Channel(client, maxBodySize, logger) };
    this.#peers.set(address, peer);
    this.#sweep ??= setInterval(() => this.#closeIdle(), Math.max(idleTimeout / 4, 10)).unref();
    return peer;
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#options.idleTimeout;
    for (const [address, peer] of this.#peers) if (peer.client.idleSince < limit) this.#drop(address, peer);
    if (this.#peers.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #drop(address: string, peer: Peer): void {
    if (this.#peers.get(address) === peer) this.#peers.delete(address);
    peer.client.close();
  }
}
