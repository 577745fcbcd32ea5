import { errorMessage, type Logger } from '@outrigger/core';
import { type CallContext, GrpcError, type Service, unary } from '@outrigger/grpc';
import { SpiffeId } from '@outrigger/identity/spiffe-id';
import { x509 } from '@outrigger/identity/x509';
import {
  CADefinition,
  type SignCertificateRequest,
  SignCertificateRequest_TokenValidator as Kind,
  type SignCertificateResponse,
} from '@outrigger/protocol/sentry';
import type { PeerIdentity } from '@outrigger/runtime';

import type { Issuer } from './authority/issuer.ts';
import { defaultTrustDomain, RefusedTokenError, type Validator } from './validators/validator.ts';

export interface SignCertificateOptions {
  readonly issuer: Issuer;
  /** Of this authority itself, which nobody else gets; its namespace is that of the control plane. */
  readonly own: PeerIdentity;
  /** The first is for requests that name none. */
  readonly validators: readonly Validator[];
  readonly logger: Logger;
}

/** An app id is part of a DNS label. */
const maxIdLength = 64;
/** Bytes; one with an RSA key of 4096 bits has a fourth. */
const maxRequestLength = 8192;

/** `dapr.proto.sentry.v1.CA`: certificates for workloads that show who they are. */
export function certificateAuthority(options: SignCertificateOptions): Service {
  return {
    name: CADefinition.fullName,
    methods: [
      unary(CADefinition.methods.signCertificate, (request, context) => signCertificate(options, request, context)),
    ],
  };
}

async function signCertificate(
  { issuer, own, validators, logger }: SignCertificateOptions,
  request: SignCertificateRequest,
  { signal }: CallContext,
): Promise<SignCertificateResponse> {
  const { id: appId, namespace } = request;
  mustBeNamed(request);
  const { trustDomain } = await validated({ validators, logger }, request, signal);
  const identity: PeerIdentity = { trustDomain, namespace, appId };
  const spiffeId = textOf(identity);
  if (spiffeId === textOf(own)) {
    throw new GrpcError('PERMISSION_DENIED', `${spiffeId} is this authority itself, and nobody else`);
  }
  const publicKey = await requestedKey(request.certificateSigningRequest);
  try {
    const dnsNames = namespace === own.namespace ? controlPlaneNames(appId, namespace) : [];
    const { chain, validUntil } = await issuer.issue({ identity, publicKey, dnsNames });
    logger.info(`certified ${spiffeId} until ${validUntil.toISOString()}`);
    return {
      workloadCertificate: Buffer.from(chain),
      trustChainCertificates: [Buffer.from(issuer.trustAnchors)],
      validUntil,
      jwt: undefined,
      perAudienceJwts: {},
    };
  } catch (error) {
    logger.error(`cannot certify ${spiffeId}: ${errorMessage(error)}`);
    throw new GrpcError('INTERNAL', 'failed to sign certificate');
  }
}

function mustBeNamed({ id, namespace }: SignCertificateRequest): void {
  if (id === '') throw new GrpcError('INVALID_ARGUMENT', 'the app id is missing');
  if (id.length > maxIdLength) {
    throw new GrpcError('INVALID_ARGUMENT', `the app id is longer than ${maxIdLength} characters`);
  }
  // in a call, what is behind a dot is a namespace
  if (id.includes('.')) throw new GrpcError('INVALID_ARGUMENT', 'the app id has a dot in it');
  if (namespace === '') throw new GrpcError('INVALID_ARGUMENT', 'the namespace is missing');
}

/** The names under which Kubernetes reaches services of Dapr's control plane that run in the namespace of the authority. */
function controlPlaneNames(appId: string, namespace: string): string[] {
  switch (appId) {
    case 'dapr-injector':
      return [`dapr-sidecar-injector.${namespace}.svc`];
    case 'dapr-operator':
      return [`dapr-webhook.${namespace}.svc`];
    case 'dapr-scheduler':
      return [0, 1, 2].map(
        (replica) => `dapr-scheduler-server-${replica}.dapr-scheduler-server.${namespace}.svc.cluster.local`,
      );
    default:
      return [];
  }
}

function textOf(identity: PeerIdentity): string {
  try {
    return SpiffeId.ofApp(identity).toString();
  } catch (error) {
    throw new GrpcError('INVALID_ARGUMENT', errorMessage(error));
  }
}

async function validated(
  { validators, logger }: Pick<SignCertificateOptions, 'validators' | 'logger'>,
  request: SignCertificateRequest,
  signal: AbortSignal,
): Promise<{ readonly trustDomain: string }> {
  const { tokenValidator } = request;
  const validator =
    tokenValidator === Kind.UNKNOWN ? validators[0] : validators.find(({ kind }) => kind === tokenValidator);
  if (validator === undefined) {
    const names = validators.map(({ kind }) => nameOf(kind)).join(', ');
    throw new GrpcError(
      'INVALID_ARGUMENT',
      `the validator ${nameOf(tokenValidator)} is not in use here; in use: ${names}`,
    );
  }
  try {
    // a name that cannot be in an id must not come before a validator as something else
    textOf({ trustDomain: request.trustDomain || defaultTrustDomain, namespace: request.namespace, appId: request.id });
    return await validator.validate(request, signal);
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    if (error instanceof RefusedTokenError) throw new GrpcError('PERMISSION_DENIED', error.message);
    logger.error(`the validator ${nameOf(validator.kind)} cannot judge a token now: ${errorMessage(error)}`);
    throw new GrpcError('UNAVAILABLE', `the validator ${nameOf(validator.kind)} cannot judge the token now`);
  }
}

function nameOf(kind: Kind): string {
  return Object.entries(Kind).find(([, value]) => value === kind)?.[0] ?? String(kind);
}

/** The key of a PKCS#10 request in PEM whose sender has shown to have its other half. */
async function requestedKey(request: Uint8Array): Promise<x509.PublicKey> {
  if (request.byteLength === 0 || request.byteLength > maxRequestLength) {
    throw new GrpcError(
      'INVALID_ARGUMENT',
      `the certificate signing request has to have 1 to ${maxRequestLength} bytes`,
    );
  }
  try {
    const parsed = new x509.Pkcs10CertificateRequest(Buffer.from(request).toString('latin1'));
    if (await parsed.verify()) {
      mustBeStrong(parsed.publicKey);
      return parsed.publicKey;
    }
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    throw new GrpcError('INVALID_ARGUMENT', 'invalid certificate signing request: it has to be PKCS#10 in PEM');
  }
  throw new GrpcError('INVALID_ARGUMENT', 'invalid certificate signing request: its signature is not that of its key');
}

function mustBeStrong({ algorithm }: x509.PublicKey): void {
  const { name, modulusLength = 0 } = algorithm as { name: string; modulusLength?: number };
  if (name === 'Ed25519' || name === 'ECDSA' || (name.startsWith('RSA') && modulusLength >= 2048)) return;
  throw new GrpcError('INVALID_ARGUMENT', `a ${name} key is not certified: make one of Ed25519 or ECDSA on P-256`);
}
