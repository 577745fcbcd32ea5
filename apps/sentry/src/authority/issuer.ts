import { type webcrypto, X509Certificate } from 'node:crypto';

import { SpiffeId } from '@outrigger/identity';
import { x509 } from '@outrigger/identity/x509';
import type { PeerIdentity } from '@outrigger/runtime';

import type { AuthorityKeys } from './authority-keys.ts';

export interface IssuerOptions {
  /** Milliseconds for which a certificate is valid. */
  readonly workloadTtl: number;
  /** Milliseconds by which it is dated back, for machines whose clocks are behind. */
  readonly allowedClockSkew: number;
}

export interface IssueRequest {
  readonly identity: PeerIdentity;
  readonly publicKey: x509.PublicKey | webcrypto.CryptoKey;
  /** Names beside the SPIFFE id. Default: none. */
  readonly dnsNames?: readonly string[];
}

/** A certificate with those that link it to its root, in PEM, and the end of its validity. */
export interface IssuedCertificate {
  readonly chain: string;
  readonly validUntil: Date;
}

/** Issues X.509 SVIDs with the keys of an authority. */
export class Issuer {
  readonly #keys: () => AuthorityKeys;
  readonly #options: IssuerOptions;

  /** @param keys asked for each certificate, as they may be replaced */
  constructor(keys: () => AuthorityKeys, options: IssuerOptions) {
    this.#keys = keys;
    this.#options = options;
  }

  /** All roots that are trusted, in PEM. */
  get trustAnchors(): string {
    return this.#keys().trustAnchors;
  }

  /** When the issuer's own certificate ends, in milliseconds since the epoch. */
  get end(): number {
    return Date.parse(new X509Certificate(this.#keys().issuerChain[0] ?? '').validTo);
  }

  /**
   * Throws TypeError when the identity cannot be in a SPIFFE id, and an Error when the issuer's certificate has expired. Never outlives
   * that.
   */
  async issue({ identity, publicKey, dnsNames = [] }: IssueRequest): Promise<IssuedCertificate> {
    const { issuerChain, issuerKey } = this.#keys();
    const [issuerPem = ''] = issuerChain;
    const issuer = new x509.X509Certificate(issuerPem);
    const now = Date.now();
    const { workloadTtl, allowedClockSkew } = this.#options;
    const validUntil = new Date(Math.min(now + workloadTtl, this.end));
    if (validUntil.getTime() <= now) {
      throw new Error(
        "the issuer's certificate has expired: bring a new one in, as with `outrigger-sentry rotate-root`",
      );
    }
    const { ExtendedKeyUsage: extended, KeyUsageFlags: usage } = x509;
    const certificate = await x509.X509CertificateGenerator.create({
      issuer: issuer.subject,
      notBefore: new Date(now - allowedClockSkew),
      notAfter: validUntil,
      publicKey,
      signingKey: issuerKey,
      signingAlgorithm: { ...issuerKey.algorithm, hash: 'SHA-256' },
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(usage.digitalSignature | usage.keyEncipherment, true),
        new x509.ExtendedKeyUsageExtension([extended.serverAuth, extended.clientAuth]),
        // without a subject the names are critical (RFC 5280, 4.2.1.6)
        new x509.SubjectAlternativeNameExtension(
          [
            { type: 'url', value: SpiffeId.ofApp(identity).toString() },
            ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
          ],
          true,
        ),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ],
    });
    return {
      chain: [certificate.toString('pem'), ...issuerChain].map((pem) => `${pem.trim()}\n`).join(''),
      validUntil,
    };
  }
}
