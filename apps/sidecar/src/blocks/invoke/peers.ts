import type { Client } from '@grpc/grpc-js';
import { ComponentError, type Logger, silentLogger } from '@outrigger/core';
import type { AppRequest, AppResponse, PeerTransport } from '@outrigger/runtime';

import { type GrpcJs, loadGrpcJs } from '../../grpc/grpc-js.ts';
import { flowControlWindow, messageLimit } from './internal-server.ts';
import type { PeerChannel } from './peer-channel.ts';

interface Loaded {
  readonly grpc: GrpcJs;
  readonly Channel: typeof PeerChannel;
}

let loading: Promise<Loaded> | undefined;

/** The gRPC library, and what needs it and the protocol's messages: imported once, with the first call to a peer. */
function load(): Promise<Loaded> {
  loading ??= Promise.all([loadGrpcJs(), import('./peer-channel.ts')]).then(([grpc, { PeerChannel: Channel }]) => ({
    grpc,
    Channel,
  }));
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
}

/** Calls other sidecars over Dapr's internal gRPC protocol: one connection per address, kept until nobody has used it for a while. */
export class GrpcPeers implements PeerTransport {
  readonly #options: Required<GrpcPeersOptions>;
  readonly #channels = new Map<string, PeerChannel>();
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
    return this.#channels.size;
  }

  async call(
    address: string,
    target: { readonly appId: string; readonly namespace: string },
    request: AppRequest,
    signal: AbortSignal,
  ): Promise<AppResponse> {
    const loaded = await load();
    signal.throwIfAborted();
    if (this.#closed) throw new ComponentError('unavailable', 'this sidecar is shutting down');
    const channel = this.#channels.get(address) ?? this.#open(loaded, address);
    try {
      await channel.connected(signal);
    } catch (error) {
      // A new attempt connects at once; this channel would first wait.
      if (!signal.aborted) this.#drop(address, channel);
      throw error;
    }
    return channel.call(target.appId, request, signal);
  }

  /** Waits for no one: calls in flight are ended by those who made them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const [address, channel] of this.#channels) this.#drop(address, channel);
  }

  #open({ grpc, Channel }: Loaded, address: string): PeerChannel {
    const { connectTimeout, idleTimeout, logger, maxBodySize } = this.#options;
    const client: Client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': messageLimit(maxBodySize),
      'grpc.max_send_message_length': -1,
      // Another try is the resiliency policy's to make, and bodies are not kept in memory for it.
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      // Sidecars are reached directly.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc-node.flow_control_window': flowControlWindow,
    });
    const channel = new Channel({ grpc, client, address, connectTimeout, logger });
    this.#channels.set(address, channel);
    this.#sweep ??= setInterval(() => this.#closeIdle(), Math.max(idleTimeout / 4, 10)).unref();
    return channel;
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#options.idleTimeout;
    for (const [address, channel] of this.#channels) if (channel.idleSince < limit) this.#drop(address, channel);
    if (this.#channels.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #drop(address: string, channel: PeerChannel): void {
    if (this.#channels.get(address) === channel) this.#channels.delete(address);
    channel.close();
  }
}
