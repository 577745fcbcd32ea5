import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLogger } from '@outrigger/core';
import { GrpcClient } from '@outrigger/grpc/client';
import { fixedTrustAnchors, Sentry as SentryClient, SvidSource } from '@outrigger/identity';
import { x509 } from '@outrigger/identity/x509';
import {
  CADefinition,
  SignCertificateRequest,
  SignCertificateRequest_TokenValidator as Kind,
  SignCertificateResponse,
} from '@outrigger/protocol/sentry';
import { noMetrics } from '@outrigger/runtime';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';

import { AuthorityFiles, authorityIn, rotateRoot } from './authority/authority-files.ts';
import { type AuthorityPem, generateAuthority } from './authority/authority-keys.ts';
import { Sentry, type SentryOptions } from './sentry.ts';
import { insecureValidator } from './validators/insecure.ts';
import { JwksValidator } from './validators/jwks.ts';

const never = new AbortController().signal;
const own = 'spiffe://localhost/ns/default/dapr-sentry';
const hour = 3_600_000;

async function start(options: Partial<SentryOptions> = {}) {
  const credentials = options.credentials ?? (await generateAuthority('localhost'));
  const sentry = await Sentry.start({
    credentials,
    validators: [insecureValidator],
    identity: { trustDomain: 'localhost', namespace: 'default', appId: 'dapr-sentry' },
    port: 0,
    healthPort: 0,
    workloadTtl: hour,
    allowedClockSkew: 60_000,
    logger: silentLogger,
    ...options,
  });
  onTestFinished(() => sentry[Symbol.asyncDispose]());
  return { sentry, credentials };
}

/** What a sidecar gets that asks as ours do. */
async function svid(sentry: Sentry, { trustAnchors }: AuthorityPem) {
  const options = {
    address: sentry.address,
    controlPlaneTrustDomain: 'localhost',
    controlPlaneNamespace: 'default',
    trustAnchors: fixedTrustAnchors(trustAnchors, 'the test'),
    appId: 'orders',
    namespace: 'shop',
    trustDomain: 'public',
    token: { file: undefined, kubernetes: false },
    logger: silentLogger,
    metrics: noMetrics,
  };
  const source = await SvidSource.start({ ...options, sentry: new SentryClient(options) }, never);
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source.current;
}

/** A PKCS#10 request in PEM. */
async function csr(
  algorithm: Parameters<typeof webcrypto.subtle.generateKey>[0] = { name: 'Ed25519' },
): Promise<Buffer> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const signingAlgorithm = { ...keys.privateKey.algorithm, hash: 'SHA-256' };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm });
  return Buffer.from(request.toString('pem'));
}

/** Asks as any client may; resolves with the answer, rejects with `<status>: <message>`. */
async function ask(sentry: Sentry, change: Partial<SignCertificateRequest>): Promise<SignCertificateResponse> {
  const client = new GrpcClient({ address: sentry.address, tls: true });
  try {
    await client.connected();
    const request = {
      id: 'orders',
      token: '',
      trustDomain: '',
      tokenValidator: Kind.UNKNOWN,
      jwtAudiences: [],
      namespace: 'shop',
      certificateSigningRequest: await csr(),
      ...change,
    };
    const call = client.call(`/${CADefinition.fullName}/SignCertificate`, {});
    call.end(SignCertificateRequest.encode(request).finish());
    const answer = await call.read();
    if (answer === undefined) throw new Error(`${call.status.status}: ${call.status.message}`);
    call.ignoreRest();
    return SignCertificateResponse.decode(answer);
  } finally {
    client.close();
  }
}

const leafOf = ({ workloadCertificate }: SignCertificateResponse) =>
  new X509Certificate(Buffer.from(workloadCertificate));

describe('a certificate', () => {
  it('is a SPIFFE id for its app, and is linked to the root', async () => {
    const { sentry, credentials } = await start();
    const { id, notAfter } = await svid(sentry, credentials);
    expect(id.toString()).toBe('spiffe://public/ns/shop/orders');
    expect(Math.abs(notAfter - Date.now() - hour)).toBeLessThan(60_000);
  });

  it('has what Dapr’s sidecars look for', async () => {
    const { sentry, credentials } = await start();
    const answer = await ask(sentry, { trustDomain: 'elsewhere' });
    const leaf = leafOf(answer);
    expect([leaf.subject, leaf.subjectAltName, leaf.ca]).toEqual([
      undefined,
      'URI:spiffe://elsewhere/ns/shop/orders',
      false,
    ]);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    const [, issuerPem = ''] = Buffer.from(answer.workloadCertificate)
      .toString()
      .split(/(?<=-----END CERTIFICATE-----\n)/);
    const issuer = new X509Certificate(issuerPem);
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(issuer.verify(new X509Certificate(credentials.trustAnchors).publicKey)).toBe(true);
    expect(Buffer.from(answer.trustChainCertificates[0] ?? []).toString()).toBe(credentials.trustAnchors);
    expect(Date.parse(leaf.validTo)).toBe(Math.floor((answer.validUntil?.getTime() ?? 0) / 1000) * 1000);
    expect(Date.parse(leaf.validFrom)).toBeLessThan(Date.now() - 50_000);
  });

  it.each([
    ['Ed25519', { name: 'Ed25519' }],
    ['ECDSA on P-256', { name: 'ECDSA', namedCurve: 'P-256' }],
  ])('is given for a key of %s', async (_, algorithm) => {
    const { sentry } = await start();
    const answer = await ask(sentry, { certificateSigningRequest: await csr(algorithm) });
    expect(leafOf(answer).subjectAltName).toBe('URI:spiffe://public/ns/shop/orders');
  });
});

describe('a request is refused', () => {
  const strange = 'a'.repeat(65);
  it.each([
    ['without an app id', { id: '' }, 'INVALID_ARGUMENT: the app id is missing'],
    ['with an app id that is too long', { id: strange }, 'INVALID_ARGUMENT: the app id is longer than 64 characters'],
    ['without a namespace', { namespace: '' }, 'INVALID_ARGUMENT: the namespace is missing'],
    ['with an app id that climbs', { id: '..' }, 'INVALID_ARGUMENT: the app id has a dot in it'],
    [
      'with a namespace that is more than one',
      { namespace: 'a/../b' },
      'INVALID_ARGUMENT: the namespace "a/../b" cannot be part',
    ],
    [
      'with a trust domain that is none',
      { trustDomain: 'a/ns/x' },
      'INVALID_ARGUMENT: "a/ns/x" cannot be a trust domain',
    ],
    [
      'with no request in it',
      { certificateSigningRequest: Buffer.alloc(0) },
      'INVALID_ARGUMENT: the certificate signing request has to',
    ],
    [
      'with garbage',
      { certificateSigningRequest: Buffer.from('garbage') },
      'INVALID_ARGUMENT: invalid certificate signing request',
    ],
    [
      'with more than a request',
      { certificateSigningRequest: Buffer.alloc(9000, 65) },
      'INVALID_ARGUMENT: the certificate signing request has to',
    ],
    [
      'for a validator that is not in use',
      { tokenValidator: Kind.KUBERNETES },
      'INVALID_ARGUMENT: the validator KUBERNETES is not in use here; in use: INSECURE',
    ],
  ])('%s', async (_, change, message) => {
    const { sentry } = await start();
    await expect(ask(sentry, change)).rejects.toThrow(message);
  });

  it('whose signature is not that of its key', async () => {
    const { sentry } = await start();
    const pem = (await csr()).toString();
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(ask(sentry, { certificateSigningRequest: Buffer.from(forged) })).rejects.toThrow(
      'INVALID_ARGUMENT: invalid certificate',
    );
  });

  it('whose key is weak', async () => {
    const { sentry } = await start();
    const weak = {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 1024,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    };
    await expect(ask(sentry, { certificateSigningRequest: await csr(weak) })).rejects.toThrow('key is not certified');
  });
});

describe('the jwks validator', () => {
  async function scene() {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const source = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] });
    const { sentry } = await start({ validators: [await JwksValidator.open({ source, audience: own })] });
    const token = (claims: { subject?: string; audience?: string; expires?: number } = {}, key = privateKey) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setSubject(claims.subject ?? 'spiffe://public/ns/shop/orders')
        .setAudience(claims.audience ?? own)
        .setExpirationTime(claims.expires ?? Date.now() / 1000 + 600)
        .sign(key);
    return { sentry, token };
  }

  it('lets in who has a token for the id that is asked for', async () => {
    const { sentry, token } = await scene();
    const answer = await ask(sentry, { token: await token(), tokenValidator: Kind.JWKS });
    expect(leafOf(answer).subjectAltName).toBe('URI:spiffe://public/ns/shop/orders');
  });

  it.each([
    ['of another app', { subject: 'spiffe://public/ns/shop/checkout' }],
    ['of another trust domain', { subject: 'spiffe://elsewhere/ns/shop/orders' }],
    ['for somebody else', { audience: 'spiffe://localhost/ns/other/dapr-sentry' }],
    ['that has expired', { expires: Date.now() / 1000 - 3600 }],
  ])('refuses a token %s', async (_, claims) => {
    const { sentry, token } = await scene();
    await expect(ask(sentry, { token: await token(claims) })).rejects.toThrow(
      'PERMISSION_DENIED: the token does not show',
    );
  });

  it('refuses a token of another key, one without a signature, and none', async () => {
    const { sentry, token } = await scene();
    const { privateKey } = await generateKeyPair('ES256');
    await expect(ask(sentry, { token: await token({}, privateKey) })).rejects.toThrow(
      'PERMISSION_DENIED: the token does not show',
    );
    const [, claims = ''] = (await token()).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    await expect(ask(sentry, { token: unsigned })).rejects.toThrow('PERMISSION_DENIED: the token does not show');
    await expect(ask(sentry, {})).rejects.toThrow('PERMISSION_DENIED: the request has no token');
  });
});

describe('credentials in a folder', () => {
  async function folder() {
    const path = await mkdtemp(join(tmpdir(), 'outrigger-sentry-'));
    onTestFinished(() => rm(path, { recursive: true, force: true }));
    return new AuthorityFiles(join(path, 'ca'));
  }

  it('are made when there are none, kept, and shut to others', async () => {
    const files = await folder();
    const made = await authorityIn(files, 'localhost');
    expect(await authorityIn(files, 'localhost')).toEqual(made);
    expect((await stat(files.folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(files.folder, 'issuer.key'))).mode & 0o777).toBe(0o600);
  });

  it('are not mixed with new ones when some are missing', async () => {
    const files = await folder();
    await authorityIn(files, 'localhost');
    await rm(join(files.folder, 'issuer.key'));
    await expect(authorityIn(files, 'localhost')).rejects.toThrow('has no issuer.key: put all of');
  });

  it('that do not belong together are refused', async () => {
    const [one, two] = [await generateAuthority('a'), await generateAuthority('b')];
    await expect(start({ credentials: { ...one, issuerKey: two.issuerKey } })).rejects.toThrow(
      'not the one of its certificate',
    );
    await expect(start({ credentials: { ...one, trustAnchors: two.trustAnchors } })).rejects.toThrow(
      'no trust anchor has signed',
    );
    await expect(start({ credentials: { ...one, issuerKey: 'x' } })).rejects.toThrow('no private key in PEM');
    await expect(start({ credentials: { ...one, trustAnchors: '' } })).rejects.toThrow(
      'there is no certificate in PEM',
    );
  });

  it('with a new root keep the old one trusted, and are taken without a restart', async () => {
    const files = await folder();
    const old = await authorityIn(files, 'localhost');
    const { sentry } = await start({ credentials: old });
    const commit = await rotateRoot(files, 'localhost');
    const between = await files.read();
    expect(between?.issuerChain).toBe(old.issuerChain);
    const next = await commit();
    expect(between?.trustAnchors).toBe(next.trustAnchors);
    expect(next.trustAnchors.endsWith(old.trustAnchors)).toBe(true);
    await sentry.replace(next);
    expect((await svid(sentry, next)).id.app?.appId).toBe('orders');
    await expect(svid(sentry, old)).rejects.toThrow('trust anchors');
    await writeFile(join(files.folder, 'issuer.crt'), 'broken');
    const broken = await files.read();
    await expect(sentry.replace(broken ?? next)).rejects.toThrow("the issuer's certificate");
    expect((await svid(sentry, next)).id.app?.appId).toBe('orders');
  });
});

it('tells that it is healthy', async () => {
  const { sentry } = await start();
  expect((await fetch(`http://${sentry.healthAddress}/healthz`)).status).toBe(200);
});
