import { KeyObject, webcrypto } from 'node:crypto';

import { x509 } from './x509.ts';

/** `Ed25519` as Dapr 1.18 has it, or ECDSA on P-256 for a certificate authority that takes only that. */
export type KeyAlgorithm = 'Ed25519' | 'P-256';

/** A new key, and the request to certify it. */
export interface CertificateRequest {
  /** PKCS #8 in PEM. It must not leave the process. */
  readonly key: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  /** PKCS #10 in PEM: no subject and no extensions, as Dapr's. Who asks is said beside it. */
  readonly pem: string;
}

const algorithms = {
  Ed25519: { key: { name: 'Ed25519' }, signing: { name: 'Ed25519' } },
  'P-256': { key: { name: 'ECDSA', namedCurve: 'P-256' }, signing: { name: 'ECDSA', hash: 'SHA-256' } },
} as const;

export async function createCertificateRequest(algorithm: KeyAlgorithm): Promise<CertificateRequest> {
  const { key, signing } = algorithms[algorithm];
  const keys = (await webcrypto.subtle.generateKey(key, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: signing,
  });
  return {
    key: KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }) as string,
    publicKey: KeyObject.from(keys.publicKey).export({ format: 'der', type: 'spki' }),
    pem: request.toString('pem'),
  };
}
