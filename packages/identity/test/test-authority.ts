import { KeyObject, webcrypto } from 'node:crypto';

import { x509 } from '../src/x509.ts';

export interface IssueOptions {
  /** URIs among the subject alternative names. */
  readonly uris: readonly string[];
  /** Default: the key of a new pair. */
  readonly publicKey?: x509.PublicKey;
  /** Default: a minute ago. */
  readonly notBefore?: Date;
  /** Default: in an hour. */
  readonly notAfter?: Date;
  readonly isAuthority?: boolean;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** A root and an issuer under it, as Dapr's Sentry has them. */
export class TestAuthority {
  readonly #issuer: x509.X509Certificate;
  readonly #issuerKeys: webcrypto.CryptoKeyPair;
  /** The trust anchor in PEM. */
  readonly root: string;

  private constructor(root: x509.X509Certificate, issuer: x509.X509Certificate, issuerKeys: webcrypto.CryptoKeyPair) {
    this.root = `${root.toString('pem')}\n`;
    this.#issuer = issuer;
    this.#issuerKeys = issuerKeys;
  }

  static async create(): Promise<TestAuthority> {
    const [rootKeys, issuerKeys] = await Promise.all([newKeys(), newKeys()]);
    const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      ...dates,
      name: 'CN=test root',
      keys: rootKeys,
      signingAlgorithm: algorithm,
      extensions: authorityExtensions(),
    });
    const issuer = await x509.X509CertificateGenerator.create({
      ...dates,
      subject: 'CN=test issuer',
      issuer: root.subject,
      publicKey: issuerKeys.publicKey,
      signingKey: rootKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: authorityExtensions(),
    });
    return new TestAuthority(root, issuer, issuerKeys);
  }

  /** The certificate and the issuer's behind it, in PEM. */
  async sign(
    publicKey: x509.PublicKey | webcrypto.CryptoKey,
    options: Omit<IssueOptions, 'publicKey'>,
  ): Promise<string> {
    const { isAuthority = false, notAfter, notBefore, uris } = options;
    const certificate = await x509.X509CertificateGenerator.create({
      issuer: this.#issuer.subject,
      notBefore: notBefore ?? new Date(Date.now() - 60_000),
      notAfter: notAfter ?? new Date(Date.now() + 3_600_000),
      publicKey,
      signingKey: this.#issuerKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        ...(isAuthority ? authorityExtensions() : workloadExtensions()),
        ...(uris.length === 0
          ? []
          : [
              new x509.SubjectAlternativeNameExtension(
                uris.map((value) => ({ type: 'url' as const, value })),
                true,
              ),
            ]),
      ],
    });
    return `${certificate.toString('pem')}\n${this.#issuer.toString('pem')}\n`;
  }

  /** A certificate with a key of its own, both in PEM. */
  async issue(options: Omit<IssueOptions, 'publicKey'>): Promise<{ readonly cert: string; readonly key: string }> {
    const keys = await newKeys();
    const cert = await this.sign(keys.publicKey, options);
    return { cert, key: KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }) as string };
  }
}

function authorityExtensions(): x509.Extension[] {
  const { KeyUsageFlags: usage } = x509;
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(usage.keyCertSign | usage.cRLSign, true),
  ];
}

function workloadExtensions(): x509.Extension[] {
  const { ExtendedKeyUsage: extended, KeyUsageFlags: usage } = x509;
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(usage.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([extended.serverAuth, extended.clientAuth]),
  ];
}
