import type { SignCertificateRequest, SignCertificateRequest_TokenValidator } from '@outrigger/protocol/sentry';

/** Decides whether a workload is who it says. */
export interface Validator {
  readonly kind: SignCertificateRequest_TokenValidator;
  /**
   * Resolves with the trust domain of its identity. Rejects with a {@link RefusedTokenError} when the workload has not shown that it is
   * `request.id` of `request.namespace`.
   */
  validate(request: SignCertificateRequest, signal: AbortSignal): Promise<{ readonly trustDomain: string }>;
}

/** The workload is told this. */
export class RefusedTokenError extends Error {
  override readonly name = 'RefusedTokenError';
}

/** Of workloads that name none. */
export const defaultTrustDomain = 'public';
