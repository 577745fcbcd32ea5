import { abortable, ComponentError, errorMessage } from '@outrigger/core';
import { GrpcClient, PeerRefusedError, type PeerTls } from '@outrigger/grpc/client';
import { CADefinition, SignCertificateRequest, SignCertificateResponse } from '@outrigger/protocol/sentry';

import { verifiedPeer } from './peer-verification.ts';
import { SpiffeId } from './spiffe-id.ts';
import { readSentryToken, type SentryTokenOptions } from './sentry-token.ts';
import { certificatesIn, type TrustAnchors } from './trust-anchors.ts';

export interface SentryOptions {
  /** `host:port`. */
  readonly address: string;
  readonly controlPlaneTrustDomain: string;
  readonly controlPlaneNamespace: string;
  readonly trustAnchors: TrustAnchors;
  /** Whose certificates are asked for. */
  readonly appId: string;
  readonly namespace: string;
  /** The trust domain to ask for; an authority that knows better decides itself. */
  readonly trustDomain: string;
  readonly token: SentryTokenOptions;
}

/** What has kept a certificate from being issued, for the metrics: as Dapr names them. */
export type SentryFailure = 'sentry_conn' | 'sentry_token' | 'sign' | 'invalid_ts';

export class SentryError extends Error {
  override readonly name = 'SentryError';
  readonly reason: SentryFailure;
  /** Whether the same may succeed later: the authority was not there, or had a problem of its own. */
  readonly isTransient: boolean;

  constructor(reason: SentryFailure, message: string, isTransient: boolean, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
    this.isTransient = isTransient;
  }
}

const { fullName, methods } = CADefinition;
const signPath = `/${fullName}/${methods.signCertificate.name}`;
/** As Dapr's. Milliseconds. */
const signTimeout = 3000;
const transientStatus: ReadonlySet<string> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'CANCELLED']);

/** Asks the certificate authority of Dapr's control plane, `sentry.v1.CA`, to sign. */
export class Sentry {
  readonly address: string;
  readonly #options: SentryOptions;
  readonly #id: string;

  constructor(options: SentryOptions) {
    this.address = options.address;
    this.#options = options;
    const { controlPlaneTrustDomain: trustDomain, controlPlaneNamespace: namespace } = options;
    this.#id = SpiffeId.ofApp({ trustDomain, namespace, appId: 'dapr-sentry' }).toString();
  }

  /**
   * Resolves with the certificate and those that link it to its root, each in PEM. Connects anew for each: it happens twice a day.
   * Rejects with a {@link SentryError}.
   */
  async sign(request: string, signal: AbortSignal): Promise<readonly string[]> {
    const { appId: id, namespace, trustDomain } = this.#options;
    const { token, validator: tokenValidator } = await readSentryToken(this.#options.token).catch((error: unknown) => {
      throw new SentryError('sentry_token', errorMessage(error), false, error);
    });
    const client = new GrpcClient({ address: this.address, tls: this.#tls(), connectTimeout: signTimeout });
    try {
      await abortable(client.connected(), signal).catch((error: unknown) => {
        signal.throwIfAborted();
        const isTransient = !(error instanceof ComponentError && error.cause instanceof PeerRefusedError);
        throw new SentryError('sentry_conn', `the certificate authority: ${errorMessage(error)}`, isTransient, error);
      });
      signal.throwIfAborted();
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(signTimeout)]);
      const call = client.call(signPath, {}, Date.now() + signTimeout);
      const onAbort = (): void => call.cancel();
      deadline.addEventListener('abort', onAbort, { once: true });
      call.onEnd(() => deadline.removeEventListener('abort', onAbort));
      const message = {
        id,
        token,
        trustDomain,
        namespace,
        certificateSigningRequest: Buffer.from(request),
        tokenValidator,
        jwtAudiences: [],
      };
      call.end(SignCertificateRequest.encode(message).finish());
      const answer = await call.read();
      signal.throwIfAborted();
      if (answer === undefined) {
        const { status, message: text } = call.status;
        throw new SentryError('sign', `the certificate authority: ${status}: ${text}`, transientStatus.has(status));
      }
      call.ignoreRest();
      const { workloadCertificate } = SignCertificateResponse.decode(answer);
      return certificatesIn(workloadCertificate.toString('utf8'));
    } finally {
      client.close();
    }
  }

  #tls(): PeerTls {
    const { trustAnchors } = this.#options;
    const credentials = { ca: trustAnchors.pem };
    return {
      credentials: () => credentials,
      verify: (socket) =>
        verifiedPeer(socket, (id) => (id.toString() === this.#id ? undefined : `it has to be of ${this.#id}`)),
      plaintextHint: 'it does not speak TLS, so it is no certificate authority (--sentry-address)',
    };
  }
}
