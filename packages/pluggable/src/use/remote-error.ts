import { BindingError, ComponentError, type ErrorCode } from '@outrigger/core';
import type { CallStatus } from '@outrigger/grpc/client';
import { BadRequest, ErrorInfo, Status } from '@outrigger/protocol/rpc';
import type { GrpcStatusName } from '@outrigger/runtime';

import { bindingReason } from '../binding-reason.ts';

const codes: Partial<Record<GrpcStatusName, ErrorCode>> = {
  INVALID_ARGUMENT: 'invalid-argument',
  OUT_OF_RANGE: 'invalid-argument',
  NOT_FOUND: 'not-found',
  UNIMPLEMENTED: 'unsupported',
  UNAVAILABLE: 'unavailable',
  RESOURCE_EXHAUSTED: 'unavailable',
  CANCELLED: 'unavailable',
  DEADLINE_EXCEEDED: 'deadline-exceeded',
};

const byHttpCode: Readonly<Record<string, ErrorCode>> = {
  '400': 'invalid-argument',
  '404': 'not-found',
  '409': 'etag-mismatch',
  '501': 'unsupported',
  '503': 'unavailable',
  '504': 'deadline-exceeded',
};

/**
 * What a failed call means, by the conventions of Dapr's pluggable components: a violation of the field `etag` tells whose fault a
 * refused write is, and ErrorInfo carries what Dapr's own error classes hold.
 *
 * @param isConditional the call had an etag or was a first write, which some components refuse with no more than FAILED_PRECONDITION
 */
export function remoteError(status: CallStatus, isConditional: boolean): ComponentError {
  const { message } = status;
  const { etag, info } = detailsOf(status);
  if (status.status === 'FAILED_PRECONDITION' && (etag !== undefined || (isConditional && info === undefined))) {
    return new ComponentError('etag-mismatch', etag || message);
  }
  if (status.status === 'INVALID_ARGUMENT' && etag) return new ComponentError('invalid-argument', etag);
  const code = codes[status.status] ?? 'internal';
  if (info === undefined) return new ComponentError(code, message);
  const { metadata } = info;
  if (metadata['kit_error'] === 'true') {
    return new ComponentError(codes[status.status] ?? byHttpCode[metadata['http_code'] ?? ''] ?? 'internal', message);
  }
  if (metadata['expected'] !== undefined && metadata['affected'] !== undefined) {
    const rows = `${metadata['affected']} of ${metadata['expected']} items were deleted`;
    return new ComponentError('internal', `${message} (${rows})`);
  }
  return info.reason === bindingReason ? new BindingError(code, message, metadata) : new ComponentError(code, message);
}

interface Details {
  /** What the violation of the field `etag` says. */
  readonly etag?: string;
  readonly info?: ErrorInfo;
}

function detailsOf({ details }: CallStatus): Details {
  if (details === undefined) return {};
  let found: Details = {};
  try {
    for (const { typeUrl, value } of Status.decode(details).details) {
      if (typeUrl.endsWith('/google.rpc.ErrorInfo')) found = { ...found, info: ErrorInfo.decode(value) };
      if (!typeUrl.endsWith('/google.rpc.BadRequest')) continue;
      const violation = BadRequest.decode(value).fieldViolations.find(({ field }) => field === 'etag');
      if (violation !== undefined) found = { ...found, etag: violation.description };
    }
  } catch {
    // Details that cannot be read say nothing; status and message are there without them.
  }
  return found;
}
