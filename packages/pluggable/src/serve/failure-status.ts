import { BindingError, ComponentError, type ErrorCode, errorMessage, type Logger } from '@outrigger/core';
import { GrpcError } from '@outrigger/grpc';
import { BadRequest, ErrorInfo, Status } from '@outrigger/protocol/rpc';
import { grpcStatus, type GrpcStatusName } from '@outrigger/runtime';

import { bindingReason } from '../binding-reason.ts';

const statuses: Readonly<Record<ErrorCode, GrpcStatusName>> = {
  'invalid-argument': 'INVALID_ARGUMENT',
  'not-found': 'NOT_FOUND',
  'etag-mismatch': 'FAILED_PRECONDITION',
  unsupported: 'UNIMPLEMENTED',
  unavailable: 'UNAVAILABLE',
  'deadline-exceeded': 'DEADLINE_EXCEEDED',
  internal: 'INTERNAL',
};

/**
 * What a component has thrown, by the conventions of Dapr's pluggable components. A violation of the field `etag` tells Dapr that a
 * write was refused for its etag; a binding's metadata goes in an ErrorInfo, of which Dapr takes no notice.
 *
 * @param hasEtag the request had an etag, so that `invalid-argument` may be about it
 */
export function failureStatus(error: unknown, logger: Logger, hasEtag = false): GrpcError {
  if (error instanceof GrpcError) return error;
  if (!ComponentError.is(error)) {
    logger.error(`the component failed: ${errorMessage(error)}`, { stack: error instanceof Error ? error.stack : '' });
    return new GrpcError('INTERNAL', errorMessage(error));
  }
  if (error.cause !== undefined && logger.isEnabled('debug')) {
    logger.debug(`${error.message}, since ${errorMessage(error.cause)}`);
  }
  const status = statuses[error.code];
  const isAboutEtag =
    error.code === 'etag-mismatch' || (error.code === 'invalid-argument' && hasEtag && /etag/i.test(error.message));
  if (isAboutEtag) return fieldViolations(status, error.message, [{ field: 'etag', description: error.message }]);
  if (!BindingError.is(error)) return new GrpcError(status, error.message);
  const info = ErrorInfo.encode({
    reason: bindingReason,
    domain: 'outrigger',
    metadata: { ...error.metadata },
  }).finish();
  return withDetail(status, error.message, 'google.rpc.ErrorInfo', info);
}

/** An error that names the fields which are wrong. */
export function fieldViolations(
  status: GrpcStatusName,
  message: string,
  violations: readonly { readonly field: string; readonly description: string }[],
): GrpcError {
  const fields = violations.map((violation) => ({ ...violation, reason: '' }));
  return withDetail(status, message, 'google.rpc.BadRequest', BadRequest.encode({ fieldViolations: fields }).finish());
}

function withDetail(status: GrpcStatusName, message: string, type: string, value: Uint8Array): GrpcError {
  const detail = { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) };
  const details = Status.encode({ code: grpcStatus[status], message, details: [detail] }).finish();
  return new GrpcError(status, message, details);
}
