import type { TLSSocket } from 'node:tls';

import { errorMessage } from '@outrigger/core';
import { PeerRefusedError, type VerifiedPeer } from '@outrigger/grpc/client';

import { spiffeIdOf } from './spiffe-certificate.ts';
import type { SpiffeId } from './spiffe-id.ts';

/** Why a peer of this id is not the one it has to be; `undefined`: it is. */
export type Expectation = (id: SpiffeId) => string | undefined;

/**
 * Who is at the other end of a TLS connection, by a certificate that was issued under the trust anchors, is valid now and has one
 * SPIFFE id, which is as expected. Throws a {@link PeerRefusedError}.
 */
export function verifiedPeer(socket: TLSSocket, expect: Expectation): VerifiedPeer {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new PeerRefusedError('it showed no certificate: mutual TLS asks for one');
  const problem: unknown = socket.authorizationError;
  let id: SpiffeId;
  try {
    id = spiffeIdOf(certificate);
  } catch (error) {
    throw new PeerRefusedError(`its certificate was refused: ${errorMessage(error)}`, { cause: error });
  }
  const refuse = (reason: string, cause?: unknown): never => {
    throw new PeerRefusedError(`its certificate, of ${id.toString()}, was refused: ${reason}`, { cause });
  };
  if (!socket.authorized) refuse(explained(problem, certificate.validFrom, certificate.validTo), problem);
  if (socket.isSessionReused()) refuse('the TLS session was resumed');
  const unexpected = expect(id);
  if (unexpected !== undefined) refuse(unexpected);
  return { identity: id.app, validUntil: certificate.validToDate.getTime() };
}

/** What OpenSSL says, in words that say what to do. */
function explained(problem: unknown, validFrom: string, validTo: string): string {
  // Node.js hands over the code alone, on some paths the error.
  const code = typeof problem === 'string' ? problem : codeOf(problem);
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `it has expired (valid until ${validTo})`;
    case 'CERT_NOT_YET_VALID':
      return `it is not valid yet (valid from ${validFrom}); compare the clocks of both machines`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_SIGNATURE_FAILURE':
      return 'it was not issued under the trust anchors of this process';
    default:
      return problem instanceof Error ? `${problem.message} (${code})` : code;
  }
}

function codeOf(problem: unknown): string {
  return problem instanceof Error && 'code' in problem && typeof problem.code === 'string'
    ? problem.code
    : 'not verified';
}
