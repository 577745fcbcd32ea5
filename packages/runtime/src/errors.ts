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

/** One `google.rpc` error detail, in the JSON form that the HTTP API shows (`@type` and snake_case or camelCase as Dapr has it). */
export type ErrorDetail = Readonly<Record<string, unknown>> & { readonly '@type': string };

export interface ApiErrorInit {
  /** Dapr's `errorCode`: `ERR_STATE_GET`. */
  readonly errorCode: string;
  readonly httpStatus: number;
  readonly grpcStatus: GrpcStatusName;
  /** `google.rpc.ErrorInfo.reason` and the like, for errors that Dapr has moved to the rich form. */
  readonly details?: readonly ErrorDetail[];
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
  readonly details: readonly ErrorDetail[] | undefined;

  constructor(message: string, init: ApiErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'ApiError';
    this.errorCode = init.errorCode;
    this.httpStatus = init.httpStatus;
    this.grpcStatus = init.grpcStatus;
    this.details = init.details;
  }
}
