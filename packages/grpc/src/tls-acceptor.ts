import { constants as cryptoConstants } from 'node:crypto';
import { performServerHandshake } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';

import { errorMessage, type Logger } from '@outrigger/core';

import {
  inadequateSecurity,
  PeerRefusedError,
  type PeerTls,
  type TlsCredentials,
  tlsOptions,
  type VerifiedPeer,
} from './tls.ts';

export interface TlsAcceptorOptions {
  readonly tls: PeerTls;
  /** Takes the connections whose client was verified. */
  readonly onConnection: (socket: TLSSocket, peer: VerifiedPeer) => void;
  /** What to tell a client that does not speak TLS. Default: that. */
  readonly plaintextHint?: string;
  readonly logger: Logger;
}

/** The first byte of a TLS handshake. */
const handshakeRecord = 0x16;
/** Milliseconds for the client's first byte and for the handshake, each. */
const handshakeTimeout = 10_000;
/** Milliseconds after which a refusal is a warning again; more within them are for who debugs. */
const complaintPause = 5000;
/** How long a client that is refused has to read why. */
const farewell = 500;

/**
 * Speaks TLS 1.3 on connections that somebody else has accepted and verifies their clients, which have to show a certificate. A client
 * that is refused is told why: in the GOAWAY of an HTTP/2 connection that carries nothing else, in plaintext if it speaks that.
 */
export function acceptTls({ tls, onConnection, plaintextHint, logger }: TlsAcceptorOptions): (socket: Socket) => void {
  const from = (socket: Socket) => `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;
  let quietUntil = -Infinity;
  const complain = (text: string): void => {
    const now = performance.now();
    if (now < quietUntil) return logger.debug(text);
    quietUntil = now + complaintPause;
    logger.warn(text);
  };
  const refuse = (socket: Socket, reason: string, told = reason): void => {
    complain(`a connection from ${from(socket)} was refused: ${reason}`);
    const session = performServerHandshake(socket);
    session.on('error', () => session.destroy());
    session.goaway(inadequateSecurity, 0, Buffer.from(told));
    setTimeout(() => {
      session.destroy();
      socket.destroy();
    }, farewell).unref();
  };

  // A session that is resumed would not show its certificate again.
  const { ALPNProtocols, rejectUnauthorized, ...contextOptions } = {
    ...tlsOptions,
    secureOptions: cryptoConstants.SSL_OP_NO_TICKET,
  };
  let credentials: TlsCredentials | undefined;
  const useCurrentCredentials = (): void => {
    const current = tls.credentials();
    if (current === credentials) return;
    server.setSecureContext({ ...contextOptions, ...current });
    credentials = current;
  };
  const connectionOptions = { ALPNProtocols, rejectUnauthorized, requestCert: true, handshakeTimeout };
  const server = createServer({ ...contextOptions, ...connectionOptions }, (socket) => {
    socket.on('error', () => {});
    let peer: VerifiedPeer;
    try {
      peer = tls.verify(socket);
    } catch (error) {
      const reason =
        error instanceof PeerRefusedError ? error.message : `it cannot be verified: ${errorMessage(error)}`;
      return refuse(socket, reason);
    }
    onConnection(socket, peer);
  });
  server.on('tlsClientError', (error, socket) => {
    complain(`the TLS handshake with ${from(socket)} failed: ${errorMessage(error)}`);
    socket.destroy();
  });

  return (socket) => {
    socket.setTimeout(handshakeTimeout, () => socket.destroy());
    socket.once('readable', () => {
      const first: unknown = socket.read(1);
      if (!(first instanceof Buffer)) return;
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.unshift(first);
      if (first[0] !== handshakeRecord) {
        const hint = plaintextHint === undefined ? '' : `: ${plaintextHint}`;
        return refuse(socket, `it does not speak TLS${hint}`, plaintextHint);
      }
      useCurrentCredentials();
      server.emit('connection', socket);
    });
  };
}
