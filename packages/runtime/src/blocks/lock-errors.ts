import { errorMessage } from '@outrigger/core';

import { ApiError, malformedRequest } from '../errors.ts';

// Dapr's codes, statuses and texts: pkg/messages of 1.18.

/** No lock store is loaded at all. */
export function lockStoresNotConfigured(): ApiError {
  return new ApiError('lock store is not configured', {
    errorCode: 'ERR_LOCK_STORE_NOT_CONFIGURED',
    httpStatus: 500,
    grpcStatus: 'FAILED_PRECONDITION',
  });
}

/** Some lock stores are loaded, but none of this name. */
export function lockStoreNotFound(store: string): ApiError {
  return new ApiError(`lock store ${store} not found`, {
    errorCode: 'ERR_LOCK_STORE_NOT_FOUND',
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
  });
}

export function resourceIdEmpty(store: string): ApiError {
  return malformedRequest(`ResourceId is empty in lock store ${store}`);
}

export function lockOwnerEmpty(store: string): ApiError {
  return malformedRequest(`LockOwner is empty in lock store ${store}`);
}

export function expiryNotPositive(store: string): ApiError {
  return malformedRequest(`ExpiryInSeconds is not positive in lock store ${store}`);
}

export function tryLockFailed(cause: unknown): ApiError {
  return failed('ERR_TRY_LOCK', 'failed to try acquiring lock', cause);
}

export function unlockFailed(cause: unknown): ApiError {
  return failed('ERR_UNLOCK', 'failed to release lock', cause);
}

function failed(errorCode: string, what: string, cause: unknown): ApiError {
  const message = `${what}: ${errorMessage(cause)}`;
  return new ApiError(message, { errorCode, httpStatus: 500, grpcStatus: 'INTERNAL', cause });
}
