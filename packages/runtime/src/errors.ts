/** gRPC status codes by their canonical names (google.rpc.Code). */
export const grpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcStatusName = keyof typeof grpcStatus;

/** One `google.rpc` error detail, in the JSON form that the HTTP API shows (field names as Dapr has them). */
export type ErrorDetail =
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.ErrorInfo';
      readonly domain: string;
      readonly metadata: Readonly<Record<string, string>> | null;
      readonly reason: string;
    }
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.ResourceInfo';
      readonly description: string;
      readonly owner: string;
      readonly resource_name: string;
      readonly resource_type: string;
    }
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.BadRequest';
      readonly field_violations: readonly { readonly field: string; readonly description: string }[];
    }
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.Help';
      readonly links: readonly { readonly description: string; readonly url: string }[];
    };

export interface ApiErrorInit {
  /** Dapr's `errorCode`: `ERR_STATE_GET`. */
  readonly errorCode: string;
  readonly httpStatus: number;
  readonly grpcStatus: GrpcStatusName;
  /** `google.rpc.ErrorInfo.reason` and the like, for errors that Dapr has moved to the rich form. */
  readonly details?: readonly ErrorDetail[];
  /** What gRPC callers are told in place of the message, where Dapr has other words for them. */
  readonly grpcMessage?: string;
  /** What gRPC callers get in place of the details, where Dapr tells them something else. */
  readonly grpcDetails?: readonly ErrorDetail[];
  readonly cause?: unknown;
}

/**
 * What an edge renders: every failure of a building block, already mapped to Dapr's error code, HTTP status, gRPC status and
 * details. The blocks throw it; edges never decide a status of their own. The cause is for the log.
 */
export class ApiError extends Error {
  readonly errorCode: string;
  readonly httpStatus: number;
  readonly grpcStatus: GrpcStatusName;
  /** The message over gRPC. */
  readonly grpcMessage: string;
  /** Over HTTP. */
  readonly details: readonly ErrorDetail[] | undefined;
  /** Over gRPC. */
  readonly grpcDetails: readonly ErrorDetail[] | undefined;

  constructor(message: string, init: ApiErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'ApiError';
    this.errorCode = init.errorCode;
    this.httpStatus = init.httpStatus;
    this.grpcStatus = init.grpcStatus;
    this.grpcMessage = init.grpcMessage ?? message;
    this.details = init.details;
    this.grpcDetails = init.grpcDetails ?? init.details;
  }
}

/** The error as a caller may see it: without the secrets that `hide` takes out of a text. The same one where there are none. */
export function withoutSecrets(error: ApiError, hide: (text: string) => string): ApiError {
  const { message, grpcMessage, details, grpcDetails, errorCode, httpStatus, grpcStatus: status, cause } = error;
  const told = { message, grpcMessage, details, grpcDetails };
  const hidden = JSON.stringify(told, (name, value: unknown) =>
    typeof value === 'string' && name !== '@type' ? hide(value) : value,
  );
  if (hidden === JSON.stringify(told)) return error;
  const texts = JSON.parse(hidden) as typeof told;
  return new ApiError(texts.message, { ...texts, errorCode, httpStatus, grpcStatus: status, cause } as ApiErrorInit);
}

/** `google.rpc.ErrorInfo` as the HTTP API shows it. */
export function errorInfo(reason: string, metadata: Readonly<Record<string, string>> | null = null): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', domain: 'dapr.io', metadata, reason };
}

/** `google.rpc.ResourceInfo` as the HTTP API shows it. */
export function resourceInfo(resourceType: string, resourceName: string): ErrorDetail {
  const name = { resource_name: resourceName, resource_type: resourceType };
  return { '@type': 'type.googleapis.com/google.rpc.ResourceInfo', description: '', owner: '', ...name };
}

/** `google.rpc.BadRequest` with one violation, as the HTTP API shows it. */
export function badRequest(field: string, description: string): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.BadRequest', field_violations: [{ field, description }] };
}

/** `google.rpc.Help` with one link, as the HTTP API shows it. */
export function help(description: string, url: string): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.Help', links: [{ description, url }] };
}

/** The request's body is over the limit, or broke off. */
export function bodyRead(reason: string, cause?: unknown): ApiError {
  return new ApiError(`failed to read request body: ${reason}`, {
    errorCode: 'ERR_BODY_READ',
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    cause,
  });
}

/** The body is not what this API takes. `message` is shown as it is. */
export function malformedRequest(message: string, details?: readonly ErrorDetail[]): ApiError {
  return new ApiError(message, {
    errorCode: 'ERR_MALFORMED_REQUEST',
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    ...(details && { details }),
  });
}

/** The body is no JSON, or JSON of another shape; where Dapr names the body as the culprit. */
export function malformedBody(reason: string): ApiError {
  return malformedRequest(`failed deserializing HTTP body: ${reason}`);
}

/** A fault of ours. The cause is logged; the caller learns nothing of it. */
export function internal(cause: unknown): ApiError {
  return new ApiError('internal error', {
    errorCode: 'ERR_INTERNAL',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    cause,
  });
}

/** No route took the path and it names no app to invoke. */
export function noAppId(): ApiError {
  return new ApiError('failed getting app id either from the URL path or the header dapr-app-id', {
    errorCode: 'ERR_DIRECT_INVOKE',
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
  });
}

function unhealthy(errorCode: string, message: string): ApiError {
  return new ApiError(message, { errorCode, httpStatus: 500, grpcStatus: 'INTERNAL' });
}

/** `/v1.0/healthz` while parts of the process are not ready; `targets` names them. */
export function notReady(targets: readonly string[]): ApiError {
  return unhealthy('ERR_HEALTH_NOT_READY', `dapr is not ready: [${targets.join(' ')}]`);
}

/** `/v1.0/healthz/outbound` before the components are up. */
export function outboundNotReady(): ApiError {
  return unhealthy('ERR_OUTBOUND_HEALTH_NOT_READY', 'dapr outbound is not ready');
}

/** `/v1.0/healthz?appid=` with another app's id. */
export function appIdNotMatch(): ApiError {
  return unhealthy('ERR_HEALTH_APPID_NOT_MATCH', 'dapr app-id does not match');
}
