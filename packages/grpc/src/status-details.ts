import { BadRequest, ErrorInfo, Help, ResourceInfo, Status } from '@outrigger/protocol/rpc';
import { type ApiError, type ErrorDetail, grpcStatus } from '@outrigger/runtime';

/**
 * The error as an encoded `google.rpc.Status`, for the trailer `grpc-status-details-bin`. `undefined` for an error without
 * details: its status and message say all there is.
 */
export function statusDetails(error: ApiError): Uint8Array | undefined {
  if (error.grpcDetails === undefined || error.grpcDetails.length === 0) return undefined;
  const details = error.grpcDetails.map((detail) => ({ typeUrl: detail['@type'], value: encode(detail) }));
  return Status.encode({ code: grpcStatus[error.grpcStatus], message: error.grpcMessage, details }).finish();
}

function encode(detail: ErrorDetail): Buffer {
  return Buffer.from(encoded(detail).finish());
}

function encoded(detail: ErrorDetail) {
  switch (detail['@type']) {
    case 'type.googleapis.com/google.rpc.ErrorInfo':
      return ErrorInfo.encode({ reason: detail.reason, domain: detail.domain, metadata: detail.metadata ?? {} });
    case 'type.googleapis.com/google.rpc.ResourceInfo':
      return ResourceInfo.encode({
        resourceType: detail.resource_type,
        resourceName: detail.resource_name,
        owner: detail.owner,
        description: detail.description,
      });
    case 'type.googleapis.com/google.rpc.BadRequest':
      return BadRequest.encode({
        fieldViolations: detail.field_violations.map(({ field, description }) => ({ field, description, reason: '' })),
      });
    case 'type.googleapis.com/google.rpc.Help':
      return Help.encode({ links: [...detail.links] });
  }
}
