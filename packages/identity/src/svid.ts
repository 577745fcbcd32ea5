import { X509Certificate } from 'node:crypto';

import type { CertificateRequest } from './certificate-request.ts';
import { spiffeIdOf } from './spiffe-certificate.ts';
import type { SpiffeId } from './spiffe-id.ts';

/** An X.509 SVID: who this process is, and the key that proves it. Never to be logged or written. */
export interface Svid {
  readonly id: SpiffeId;
  /** The certificate, and behind it those that link it to its root; in PEM. */
  readonly chain: string;
  /** PKCS #8 in PEM. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/**
 * What an authority has issued for a request, once it is what was asked for: of this key, for this app, and not over. Throws an Error
 * that says what is wrong with it.
 */
export function svidOf(
  certificates: readonly string[],
  { key, publicKey }: CertificateRequest,
  app: { readonly namespace: string; readonly appId: string },
): Svid {
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error('the certificate authority answered without a certificate');
  const certificate = new X509Certificate(leaf);
  if (!certificate.publicKey.export({ format: 'der', type: 'spki' }).equals(publicKey)) {
    throw new Error('the certificate authority has certified another key than the one of the request');
  }
  const id = spiffeIdOf(certificate);
  if (id.app?.appId !== app.appId || id.app.namespace !== app.namespace) {
    throw new Error(`the certificate authority has certified ${id.toString()}, not /ns/${app.namespace}/${app.appId}`);
  }
  const notAfter = certificate.validToDate.getTime();
  if (notAfter <= Date.now()) {
    throw new Error(
      `the certificate that was issued just now has expired (${certificate.validTo}): compare the clocks of both machines`,
    );
  }
  return { id, chain: `${certificates.join('\n')}\n`, key, notAfter };
}
