import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { isNotTls, PeerRefusedError, type PeerTls, type TlsCredentials, tlsOptions } from './tls.ts';

/** What a socket is opened with, and what came of it. */
export interface OpenSocket {
  readonly socket: Socket;
  /** Who the server is, and with what this side has shown itself; `undefined`: nobody asked. */
  readonly secured: SecuredConnection | undefined;
}

export interface SecuredConnection {
  readonly credentials: TlsCredentials;
  /** When the server's certificate ends, in milliseconds since the epoch. */
  readonly validUntil: number;
}

const unixScheme = 'unix:';

/**
 * Opens a connection. Rejects when there is none in time, and with a {@link PeerRefusedError} when the server is not who it has to be.
 *
 * @param timeout milliseconds
 */
export async function openSocket(address: string, tls: boolean | PeerTls, timeout: number): Promise<OpenSocket> {
  if (typeof tls === 'object') return openSecured(address, tls, timeout);
  if (tls) {
    const { connect } = await import('node:tls');
    const socket = connect({ ...tcpOptions(address), ALPNProtocols: ['h2'], rejectUnauthorized: false });
    return { socket: await opened(socket, 'secureConnect', timeout), secured: undefined };
  }
  const { connect } = await import('node:net');
  const socket = address.startsWith(unixScheme)
    ? connect(address.slice(unixScheme.length))
    : connect(tcpOptions(address));
  return { socket: await opened(socket, 'connect', timeout), secured: undefined };
}

async function openSecured(address: string, tls: PeerTls, timeout: number): Promise<OpenSocket> {
  const { connect } = await import('node:tls');
  const credentials = tls.credentials();
  // It is the certificate's id that counts, not the host's name.
  const options = { ...tcpOptions(address), ...tlsOptions, ...credentials, checkServerIdentity: () => undefined };
  const socket = connect(options);
  try {
    await opened(socket, 'secureConnect', timeout);
  } catch (error) {
    throw isNotTls(error)
      ? new PeerRefusedError(tls.plaintextHint ?? 'it does not speak TLS', { cause: error })
      : error;
  }
  try {
    return { socket, secured: { credentials, validUntil: tls.verify(socket).validUntil } };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function tcpOptions(address: string) {
  const { host, port } = endpointOf(address);
  return {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    ...(/[a-z]/i.test(host) && !host.includes(':') && { servername: host }),
  };
}

function opened<S extends Socket | TLSSocket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  timeout: number,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error(`not connected within ${timeout} ms`)), timeout);
    socket.once('error', (error) => {
      clearTimeout(late);
      reject(error);
    });
    socket.once(event, () => {
      clearTimeout(late);
      resolve(socket);
    });
  });
}

function endpointOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(address.slice(colon + 1)) };
}

/** The address as a header and a URL have it: without the zone of an IPv6 address, which means nothing to others. */
export function authorityOf(address: string): string {
  if (address.startsWith(unixScheme)) return 'localhost';
  const { host, port } = endpointOf(address);
  return host.includes(':') ? `[${host.replace(/%.*/, '')}]:${port}` : address;
}
