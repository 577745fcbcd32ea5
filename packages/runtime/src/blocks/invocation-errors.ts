import { errorMessage, TimeoutError } from '@outrigger/core';

import { UnfitRequestError, UnreachedAppError } from '../app-channel/app-channel.ts';
import { ApiError, type GrpcStatusName } from '../errors.ts';
import { InvocationTargetError } from './invocation-target.ts';

// Dapr's texts: pkg/messages and pkg/messaging of 1.18.

/** What a peer answered in place of the app's answer, or how the connection to it broke after the call was sent. */
export class PeerError extends Error {
  readonly grpcStatus: GrpcStatusName;
  /**
   * The peer has not given the call to its app, and all of it can be sent again: another instance may take it. This one would fail
   * again.
   */
  readonly isUntouched: boolean;

  /** @param message the peer's own words */
  constructor(grpcStatus: GrpcStatusName, message: string, options: ErrorOptions & { isUntouched?: boolean } = {}) {
    super(`rpc error: code = ${goName(grpcStatus)} desc = ${message}`, options);
    this.name = 'PeerError';
    this.grpcStatus = grpcStatus;
    this.isUntouched = options.isUntouched ?? false;
  }
}

/** `INVALID_ARGUMENT` is `InvalidArgument` in Go's messages. */
function goName(status: GrpcStatusName): string {
  if (status === 'OK') return status;
  if (status === 'CANCELLED') return 'Canceled';
  return status.replaceAll(/([A-Z])([A-Z]*)_?/g, (_, first: string, rest: string) => first + rest.toLowerCase());
}

/** The target was not reached, or its sidecar did not let the call through. */
export function invokeFailed(target: string, cause: unknown): ApiError {
  const denied = cause instanceof PeerError && cause.grpcStatus === 'PERMISSION_DENIED';
  // the words of a peer, also when there is none
  const reason = cause instanceof UnfitRequestError ? new PeerError('INVALID_ARGUMENT', cause.message) : cause;
  return new ApiError(`failed to invoke, id: ${target}, err: ${errorMessage(reason)}`, {
    errorCode: 'ERR_DIRECT_INVOKE',
    httpStatus: denied ? 403 : 500,
    grpcStatus: denied ? 'PERMISSION_DENIED' : 'INTERNAL',
    cause,
  });
}

function refusedToPeer(message: string, grpcStatus: GrpcStatusName, cause?: unknown): ApiError {
  return new ApiError(message, { errorCode: 'ERR_DIRECT_INVOKE', httpStatus: 500, grpcStatus, cause });
}

/** What mends it that a sidecar has no app; behind Dapr's words for that, of which it has several. */
export const noAppAdvice = '; start the sidecar of the app with --app-port';

/** A peer calls, but this sidecar has no app. */
export function noAppChannel(): ApiError {
  return refusedToPeer(`app channel is not initialized${noAppAdvice}`, 'INTERNAL');
}

/** A gRPC call was not handed on, or nothing came back in time. */
export function proxyFailed(target: string, cause: unknown): ApiError {
  const isTarget = cause instanceof InvocationTargetError;
  const grpcStatus = isTarget ? 'INVALID_ARGUMENT' : TimeoutError.is(cause) ? 'DEADLINE_EXCEEDED' : 'UNAVAILABLE';
  const message = `failed to invoke, id: ${target}, err: ${errorMessage(cause)}`;
  return new ApiError(message, { errorCode: 'ERR_DIRECT_INVOKE', httpStatus: 500, grpcStatus, cause });
}

/** A gRPC call for this process's app, which is not there or not to be called for now. */
export function appNotCallable(reason: string): ApiError {
  return refusedToPeer(reason, 'UNAVAILABLE');
}

/** A peer has a call for an app that is not this one's: it found this sidecar at an address that is another's by now. */
export function otherApp(appId: string, target: string): ApiError {
  return refusedToPeer(`this is the sidecar of ${appId}; ${target} is to be found elsewhere`, 'UNAVAILABLE');
}

/** A peer's request that makes no sense. */
export function badPeerRequest(reason: string): ApiError {
  return refusedToPeer(`parsing InternalInvokeRequest error: ${reason}`, 'INVALID_ARGUMENT');
}

/** Access control does not let the peer do this. */
export function accessDenied(message: string): ApiError {
  return new ApiError(message, { errorCode: 'ERR_DIRECT_INVOKE', httpStatus: 403, grpcStatus: 'PERMISSION_DENIED' });
}

/** A peer calls, but the app was not reached. */
export function appInvokeFailed(cause: unknown): ApiError {
  return refusedToPeer(`error invoking app channel: ${errorMessage(cause)}`, 'INTERNAL', cause);
}

/** Health probes say that the app cannot serve; it is not called. */
export class AppUnhealthyError extends Error {
  override readonly name = 'AppUnhealthyError';

  constructor() {
    super('app is not in a healthy state');
  }
}

/** Whether a call of a peer has failed before the app was given any of it. */
export function isUntouchedByApp(error: unknown): boolean {
  const cause = error instanceof ApiError ? error.cause : error;
  return cause instanceof UnreachedAppError || cause instanceof AppUnhealthyError;
}
