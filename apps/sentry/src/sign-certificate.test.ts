import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Logger, silentLogger } from '@outrigger/core';
import { GrpcClient } from '@outrigger/grpc/client';
import {
  CADefinition,
  SignCertificateRequest,
  SignCertificateRequest_TokenValidator as Kind,
  SignCertificateResponse,
} from '@outrigger/protocol/sentry';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type AuthorityPem, generateAuthority } from './authority/authority-keys.ts';
import { Sentry } from './sentry.ts';
import { insecureValidator } from './validators/insecure.ts';
import { JwksValidator } from './validators/jwks.ts';
import type { Validator } from './validators/validator.ts';

const run = promisify(execFile);

/** Runs openssl in a folder of the test's own. */
async function workshop() {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-openssl-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return {
    openssl: async (...args: string[]) => (await run('openssl', args, { cwd: folder })).stdout,
    read: (name: string) => readFile(join(folder, name), 'utf8'),
    write: (name: string, text: string) => writeFile(join(folder, name), text),
  };
}

async function start({
  credentials,
  validator = insecureValidator,
  logger = silentLogger,
}: { credentials?: AuthorityPem; validator?: Validator; logger?: Logger } = {}) {
  const sentry = await Sentry.start({
    credentials: credentials ?? (await generateAuthority('localhost')),
    validators: [validator],
    identity: { trustDomain: 'localhost', namespace: 'dapr-system', appId: 'dapr-sentry' },
    port: 0,
    workloadTtl: 3_600_000,
    allowedClockSkew: 60_000,
    logger,
  });
  onTestFinished(() => sentry[Symbol.asyncDispose]());
  return sentry;
}

async function ask(sentry: Sentry, request: Partial<SignCertificateRequest>): Promise<SignCertificateResponse> {
  const client = new GrpcClient({ address: sentry.address, tls: true });
  try {
    await client.connected();
    const call = client.call(`/${CADefinition.fullName}/SignCertificate`, {});
    call.end(
      SignCertificateRequest.encode({
        id: 'orders',
        token: '',
        trustDomain: '',
        tokenValidator: Kind.UNKNOWN,
        jwtAudiences: [],
        namespace: 'shop',
        certificateSigningRequest: Buffer.alloc(0),
        ...request,
      }).finish(),
    );
    const answer = await call.read();
    if (answer === undefined) throw new Error(`${call.status.status}: ${call.status.message}`);
    call.ignoreRest();
    return SignCertificateResponse.decode(answer);
  } finally {
    client.close();
  }
}

const ed25519 = ['-newkey', 'ed25519'];
const p256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** A request that openssl makes, in PEM; without a subject and names, as daprd's. */
async function csr({ openssl, read }: Awaited<ReturnType<typeof workshop>>, key = ed25519, more: string[] = []) {
  await openssl('req', '-new', ...key, '-nodes', '-keyout', 'w.key', '-subj', '/', '-out', 'w.csr', ...more);
  return Buffer.from(await read('w.csr'));
}

describe('what openssl says of a certificate', () => {
  it.each([
    ['Ed25519', ed25519],
    ['ECDSA on P-256', p256],
  ])('for a request with %s: it is good for clients and servers, and belongs to the key', async (_, key) => {
    const credentials = await generateAuthority('localhost');
    const sentry = await start({ credentials });
    const shop = await workshop();
    const request = await csr(shop, key);
    const answer = await ask(sentry, { certificateSigningRequest: request });
    await shop.write('chain.pem', Buffer.from(answer.workloadCertificate).toString());
    await shop.write('ca.crt', Buffer.from(answer.trustChainCertificates[0] ?? []).toString());
    for (const purpose of ['sslclient', 'sslserver']) {
      const verify = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'ca.crt', '-untrusted', 'chain.pem'];
      expect(await shop.openssl(...verify, 'chain.pem')).toBe('chain.pem: OK\n');
    }
    const certified = await shop.openssl('x509', '-in', 'chain.pem', '-noout', '-pubkey');
    expect(certified).toBe(await shop.openssl('pkey', '-in', 'w.key', '-pubout'));
  });

  it('is as good under credentials that openssl has made, on ECDSA and with an issuer in the middle', async () => {
    const shop = await workshop();
    const { openssl, read } = shop;
    const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    await openssl('req', '-x509', ...p256, '-nodes', '-keyout', 'root.key', '-out', 'ca.crt', '-subj', '/CN=r', ...ca);
    await openssl('req', '-new', ...p256, '-nodes', '-keyout', 'issuer.key', '-out', 'issuer.csr', '-subj', '/CN=i');
    await shop.write(
      'ext',
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n',
    );
    const sign = ['x509', '-req', '-in', 'issuer.csr', '-CA', 'ca.crt', '-CAkey', 'root.key', '-CAcreateserial'];
    await openssl(...sign, '-days', '2', '-extfile', 'ext', '-out', 'issuer.crt');
    const credentials = {
      trustAnchors: await read('ca.crt'),
      issuerChain: await read('issuer.crt'),
      issuerKey: await read('issuer.key'),
    };
    const answer = await ask(await start({ credentials }), { certificateSigningRequest: await csr(shop) });
    await shop.write('chain.pem', Buffer.from(answer.workloadCertificate).toString());
    const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.crt', '-untrusted', 'chain.pem'];
    expect(await openssl(...verify, 'chain.pem')).toBe('chain.pem: OK\n');
  });
});

describe('who gets which name', () => {
  const names = (answer: SignCertificateResponse) =>
    new X509Certificate(Buffer.from(answer.workloadCertificate)).subjectAltName;

  it('a request cannot bring names of its own', async () => {
    const more = ['-addext', 'subjectAltName=URI:spiffe://localhost/ns/dapr-system/dapr-sentry,DNS:example.com'];
    const request = await csr(await workshop(), ed25519, more);
    const answer = await ask(await start(), { certificateSigningRequest: request });
    expect(names(answer)).toBe('URI:spiffe://public/ns/shop/orders');
  });

  it('services of the control plane get the names that Kubernetes has for them, in its namespace only', async () => {
    const sentry = await start();
    const certificateSigningRequest = await csr(await workshop());
    const webhook = { id: 'dapr-operator', certificateSigningRequest };
    expect(names(await ask(sentry, { ...webhook, namespace: 'dapr-system' }))).toBe(
      'URI:spiffe://public/ns/dapr-system/dapr-operator, DNS:dapr-webhook.dapr-system.svc',
    );
    expect(names(await ask(sentry, webhook))).toBe('URI:spiffe://public/ns/shop/dapr-operator');
  });

  it('nobody gets the name of the authority', async () => {
    const certificateSigningRequest = await csr(await workshop());
    const itself = { id: 'dapr-sentry', namespace: 'dapr-system', trustDomain: 'localhost', certificateSigningRequest };
    await expect(ask(await start(), itself)).rejects.toThrow('PERMISSION_DENIED: spiffe://localhost/ns/dapr-system');
  });

  it.each(['orders.shop', 'a/b', '..', 'a%2fb', 'a b', 'ordérs', 'a\0b'])('%j is no app id', async (id) => {
    const certificateSigningRequest = await csr(await workshop());
    await expect(ask(await start(), { id, certificateSigningRequest })).rejects.toThrow('INVALID_ARGUMENT');
  });
});

it('a key set that cannot be had is not told as a wrong token', async () => {
  const server = createServer((_, answer) => answer.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  const sentry = await start({ validator: await JwksValidator.open({ source, audience: 'x' }) });
  const token = `${Buffer.from('{"alg":"ES256","kid":"k"}').toString('base64url')}.e30.AA`;
  const request = { token, certificateSigningRequest: Buffer.from('x') };
  await expect(ask(sentry, request)).rejects.toThrow('UNAVAILABLE: the validator JWKS cannot judge the token now');
});

it('a key set is read from a server whose root is given, and from base64', async () => {
  const { openssl, read } = await workshop();
  const named = ['-subj', '/CN=keys', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await openssl('req', '-x509', ...p256, '-nodes', '-keyout', 'tls.key', '-out', 'tls.crt', ...named);
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] });
  const server = createHttpsServer({ key: await read('tls.key'), cert: await read('tls.crt') }, (_, answer) => {
    answer.end(keys);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const source = `https://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  const token = await new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .setSubject('spiffe://public/ns/shop/orders')
    .setAudience('sentry')
    .setExpirationTime('5m')
    .sign(privateKey);
  const certificateSigningRequest = await csr(await workshop());
  for (const options of [
    { source, caCertificate: await read('tls.crt') },
    { source: Buffer.from(keys).toString('base64') },
  ]) {
    const sentry = await start({ validator: await JwksValidator.open({ ...options, audience: 'sentry' }) });
    expect((await ask(sentry, { token, certificateSigningRequest })).workloadCertificate.length).toBeGreaterThan(0);
  }
  const distrusting = await start({ validator: await JwksValidator.open({ source, audience: 'sentry' }) });
  await expect(ask(distrusting, { token, certificateSigningRequest })).rejects.toThrow('UNAVAILABLE');
});

it('an authority that ends soon says so, and certifies nobody once it has ended', async () => {
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) };
  const sentry = await start({ credentials: await generateAuthority('localhost', 2000), logger });
  expect(lines.join()).toContain('`outrigger-sentry rotate-root` makes a new one');
  const certificateSigningRequest = await csr(await workshop());
  await expect
    .poll(
      () =>
        ask(sentry, { certificateSigningRequest }).then(
          () => 'certified',
          (error: Error) => error.message,
        ),
      {
        timeout: 10_000,
      },
    )
    .toBe('INTERNAL: failed to sign certificate');
});
