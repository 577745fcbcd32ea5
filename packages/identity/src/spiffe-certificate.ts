import type { X509Certificate } from 'node:crypto';

import { SpiffeId } from './spiffe-id.ts';
import { x509 } from './x509.ts';

/** The id that a certificate vouches for. Throws TypeError, which says why, when it is no X.509 SVID of a workload. */
export function spiffeIdOf(certificate: X509Certificate): SpiffeId {
  if (certificate.ca) throw new TypeError('it is the certificate of an authority, not of a workload');
  const parsed = new x509.X509Certificate(certificate.raw);
  const uris = parsed.extensions
    .filter((extension) => extension instanceof x509.SubjectAlternativeNameExtension)
    .flatMap(({ names }) => names.items)
    .filter(({ type }) => type === 'url');
  const [uri, ...others] = uris;
  if (uri === undefined)
    throw new TypeError('it has no SPIFFE id: there is no URI among its subject alternative names');
  if (others.length > 0) throw new TypeError('it has more than one URI among its subject alternative names');
  return SpiffeId.parse(uri.value);
}
