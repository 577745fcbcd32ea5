import { createSocket, type Socket } from 'node:dgram';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { errorMessage, type Logger } from '@outrigger/core';
import type { DecodedPacket } from 'dns-packet';
import type { MulticastDNS, QueryOutgoingPacket, ResponseOutgoingPacket } from 'multicast-dns';

const group = '224.0.0.251';

export interface MulticastSocketOptions {
  /** 5353, but for tests. */
  readonly port: number;
  /** `local`: whether this machine has sent the packet. A packet from beyond the networks of this machine is not handed on. */
  readonly onPacket: (packet: DecodedPacket, local: boolean) => void;
  readonly logger: Logger;
}

export type OutgoingPacket =
  | ({ type: 'query' } & QueryOutgoingPacket)
  | ({ type: 'response' } & ResponseOutgoingPacket);

interface Networks {
  /** IPv4 addresses, one per interface, loopback included. */
  readonly interfaces: readonly string[];
  readonly loopback: readonly string[];
  /** Addresses of this machine. */
  readonly own: BlockList;
  /** Networks that it is in. */
  readonly near: BlockList;
}

/** Group `224.0.0.251` on every interface that has an IPv4 address, loopback among them. */
export class MulticastSocket implements AsyncDisposable {
  readonly #options: MulticastSocketOptions;
  readonly #socket: Socket;
  readonly #mdns: MulticastDNS;
  #networks: Networks = readNetworks();
  #networksReadAt = performance.now();
  /** Packets are sent one after another: the interface that a packet leaves by is a setting of the socket. */
  #sending: Promise<unknown> = Promise.resolve();
  #failed: string | undefined;

  /** Rejects when the port cannot be bound or no interface takes part in multicast. */
  static async open(options: MulticastSocketOptions): Promise<MulticastSocket> {
    const { default: multicastDns } = await import('multicast-dns');
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    const mdns = multicastDns({
      socket,
      port: options.port,
      // Bound to the group, the socket gets nothing that is sent to an address of this machine, so that it neither is open to the
      // network nor takes unicast answers from another responder. Windows binds to addresses of its own only.
      bind: process.platform === 'win32' ? '0.0.0.0' : group,
      loopback: true,
    });
    const opened = new MulticastSocket(options, socket, mdns);
    try {
      await opened.#ready();
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
    return opened;
  }

  private constructor(options: MulticastSocketOptions, socket: Socket, mdns: MulticastDNS) {
    this.#options = options;
    this.#socket = socket;
    this.#mdns = mdns;
    mdns.on('packet', (packet: DecodedPacket, { address }: { address: string }) => {
      const { near, own } = this.#readNetworks();
      if (near.check(address)) options.onPacket(packet, own.check(address));
    });
    // garbage from the network, or an interface without multicast, which the library tries again every 5 s
    mdns.on('warning', (error) => options.logger.debug(`multicast DNS: ${errorMessage(error)}`));
  }

  /**
   * Resolves when the packet has left by every interface that takes it, by the loopback interfaces only when `local`. Never rejects:
   * that it can leave by none is logged, once until it can again.
   */
  send(packet: OutgoingPacket, local = false): Promise<void> {
    const sent = this.#sending.then(() => this.#send(packet, local));
    this.#sending = sent;
    return sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sending;
    await new Promise<void>((resolve) => this.#mdns.destroy(() => resolve()));
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      let joined = false;
      let problem: unknown;
      this.#mdns.on('networkInterface', () => (joined = true));
      this.#mdns.on('warning', (error) => (problem = error));
      this.#mdns.on('error', reject);
      this.#mdns.on('ready', () => {
        if (joined) resolve();
        else reject(problem instanceof Error ? problem : new Error('no network interface has an IPv4 address'));
      });
    });
  }

  async #send(packet: OutgoingPacket, local: boolean): Promise<void> {
    const { interfaces, loopback } = this.#readNetworks();
    const errors: string[] = [];
    const targets = local && loopback.length > 0 ? loopback : interfaces;
    for (const address of targets) {
      try {
        this.#socket.setMulticastInterface(address);
        await new Promise<void>((resolve, reject) => {
          const sent = (error: Error | null) => (error ? reject(error) : resolve());
          if (packet.type === 'query') this.#mdns.query(packet as QueryOutgoingPacket, sent);
          else this.#mdns.respond(packet, sent);
        });
      } catch (error) {
        errors.push(`${address}: ${errorMessage(error)}`);
      }
    }
    const failed = errors.length === targets.length ? errors.join(', ') : undefined;
    if (failed !== undefined && this.#failed === undefined) {
      this.#options.logger.warn(
        `multicast DNS cannot send by any network interface (${failed}): other sidecars are not found`,
      );
    }
    this.#failed = failed;
  }

  #readNetworks(): Networks {
    // a laptop changes its networks
    if (performance.now() - this.#networksReadAt > 5000) {
      this.#networks = readNetworks();
      this.#networksReadAt = performance.now();
    }
    return this.#networks;
  }
}

function readNetworks(): Networks {
  const [own, near] = [new BlockList(), new BlockList()];
  const perInterface = Object.values(networkInterfaces()).map((all) =>
    (all ?? []).filter((one) => one.family === 'IPv4'),
  );
  for (const { address, cidr } of perInterface.flat()) {
    own.addAddress(address);
    near.addSubnet(address, Number(cidr?.split('/')[1] ?? 32));
  }
  const first = perInterface.flatMap(([one]) => (one === undefined ? [] : [one]));
  return {
    interfaces: first.map(({ address }) => address),
    loopback: first.filter(({ internal }) => internal).map(({ address }) => address),
    own,
    near,
  };
}
