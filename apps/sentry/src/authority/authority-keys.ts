import { createPrivateKey, createPublicKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto';

import { x509 } from '@outrigger/identity/x509';

const { subtle } = webcrypto;
const day = 86_400_000;
/** As Dapr's: a year. */
const defaultValidity = 365 * day;

/** What an authority signs with. */
export interface AuthorityKeys {
  /** Every root that is trusted, in PEM; several while one takes the place of another. */
  readonly trustAnchors: string;
  /** The issuer's certificate and those between it and its root, in PEM. */
  readonly issuerChain: readonly string[];
  readonly issuerKey: webcrypto.CryptoKey;
}

/** Keys as files hold them, in PEM. */
export interface AuthorityPem {
  readonly trustAnchors: string;
  readonly issuerChain: string;
  readonly issuerKey: string;
}

/** A new root and an issuer under it. The root's key is thrown away: what it has to sign is signed. */
export async function generateAuthority(
  trustDomain: string,
  validity: number = defaultValidity,
): Promise<AuthorityPem> {
  const [rootKeys, issuerKeys] = await Promise.all([newKeys(), newKeys()]);
  const dates = { notBefore: new Date(Date.now() - 15 * 60_000), notAfter: new Date(Date.now() + validity) };
  const name = `O=${trustDomain}`;
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates,
    name: `${name}, CN=root`,
    keys: rootKeys,
    signingAlgorithm: rootKeys.privateKey.algorithm,
    extensions: await authorityExtensions(rootKeys.publicKey),
  });
  const issuer = await x509.X509CertificateGenerator.create({
    ...dates,
    subject: `${name}, CN=issuer`,
    issuer: root.subject,
    publicKey: issuerKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: rootKeys.privateKey.algorithm,
    extensions: [
      ...(await authorityExtensions(issuerKeys.publicKey, 0)),
      await x509.AuthorityKeyIdentifierExtension.create(root),
    ],
  });
  return {
    trustAnchors: `${root.toString('pem')}\n`,
    issuerChain: `${issuer.toString('pem')}\n`,
    issuerKey: KeyObject.from(issuerKeys.privateKey).export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}

/** Throws an Error when these roots cannot be read. */
export function checkTrustAnchors(pem: string): void {
  certificatesIn(pem, 'the trust anchors');
}

/** Throws an Error that says which of them cannot be used, and why. */
export async function readAuthority(pem: AuthorityPem): Promise<AuthorityKeys> {
  const anchors = certificatesIn(pem.trustAnchors, 'the trust anchors');
  const chain = certificatesIn(pem.issuerChain, "the issuer's certificate");
  const issuer = new X509Certificate(chain[0] ?? '');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem.issuerKey);
  } catch {
    throw new Error("the issuer's key is no private key in PEM");
  }
  if (!issuer.checkPrivateKey(key)) throw new Error("the issuer's key is not the one of its certificate");
  if (!issuer.ca) throw new Error("the issuer's certificate is not one of an authority");
  if (Date.parse(issuer.validTo) <= Date.now())
    throw new Error(`the issuer's certificate has expired: ${issuer.validTo}`);
  const links = chain.map((text) => new X509Certificate(text));
  const last = links.at(-1);
  const isTrusted = anchors.some((text) => {
    const root = new X509Certificate(text);
    return last !== undefined && (last.verify(root.publicKey) || last.fingerprint256 === root.fingerprint256);
  });
  if (!isTrusted) throw new Error("no trust anchor has signed the issuer's certificate");
  return { trustAnchors: pem.trustAnchors, issuerChain: chain, issuerKey: await signingKey(key) };
}

/** Each certificate of a PEM text on its own. */
function certificatesIn(pem: string, name: string): string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw new Error(`${name}: there is no certificate in PEM`);
  for (const text of found) {
    try {
      void new X509Certificate(text);
    } catch {
      throw new Error(`${name}: one of the certificates cannot be read`);
    }
  }
  return [...found];
}

async function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const bytes = key.export({ format: 'der', type: 'pkcs8' });
  if (key.asymmetricKeyType === 'ed25519') return subtle.importKey('pkcs8', bytes, 'Ed25519', false, ['sign']);
  const curve = createPublicKey(key).asymmetricKeyDetails?.namedCurve;
  const namedCurve = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[curve ?? ''];
  if (namedCurve === undefined)
    throw new Error("the issuer's key has to be Ed25519, or ECDSA on P-256, P-384 or P-521");
  return subtle.importKey('pkcs8', bytes, { name: 'ECDSA', namedCurve }, false, ['sign']);
}

/** Ed25519, as Dapr's since 1.18. */
async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function authorityExtensions(key: webcrypto.CryptoKey, pathLength?: number): Promise<x509.Extension[]> {
  const { KeyUsageFlags: usage } = x509;
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(usage.keyCertSign | usage.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(key),
  ];
}
