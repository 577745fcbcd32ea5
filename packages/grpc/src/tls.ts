import type { TLSSocket } from 'node:tls';

import type { PeerIdentity } from '@outrigger/runtime';

/** Who is at the other end, and until when its certificate says so. */
export interface VerifiedPeer {
  /** `undefined`: it is known, but not an app. */
  readonly identity: PeerIdentity | undefined;
  /** Milliseconds since the epoch. */
  readonly validUntil: number;
}

/** All in PEM. */
export interface TlsCredentials {
  /** The certificate to show with those that link it to its root; absent on the side that shows none. */
  readonly cert?: string;
  readonly key?: string;
  /** The roots that are trusted. */
  readonly ca: string;
}

/** One side of TLS between processes that know each other by their certificates: what it shows, and whom it trusts. */
export interface PeerTls {
  /**
   * As they are now. Another object than last time: new connections are made with it, and those that are there are replaced.
   */
  credentials(): TlsCredentials;
  /**
   * Looks at the certificate of a connection that is up, and at what TLS found out about it: nothing has been refused so far. Throws a
   * {@link PeerRefusedError} when the connection must not be used.
   */
  verify(socket: TLSSocket): VerifiedPeer;
  /** What to say, on the side that connects, of a server that does not speak TLS. */
  readonly plaintextHint?: string;
}

/** The other side is not who it has to be; the message says who it is and who it should have been. */
export class PeerRefusedError extends Error {
  override readonly name = 'PeerRefusedError';
}

/** HTTP/2's error code of a connection that is refused for who the other side is. */
export const inadequateSecurity = 0xc;

/** What both sides set. The ciphers are all of TLS 1.3, the one first that costs least where the processor has AES. */
export const tlsOptions = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  ALPNProtocols: ['h2'],
  // Whom to trust is decided by `verify`, which can say why not.
  rejectUnauthorized: false,
} as const;

/** Whether an error means that the other side answered a TLS handshake with something that is not TLS. */
export function isNotTls(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
}
