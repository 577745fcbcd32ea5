import { errorMessage } from '@outrigger/core';

import { ApiError } from '../errors.ts';
import { noAppAdvice } from './invocation-errors.ts';

// Dapr's codes, statuses and texts: pkg/messages of 1.18.

/** No configuration store is loaded at all. */
export function configurationStoresNotConfigured(): ApiError {
  return new ApiError('configuration stores not configured', {
    errorCode: 'ERR_CONFIGURATION_STORE_NOT_CONFIGURED',
    httpStatus: 500,
    grpcStatus: 'FAILED_PRECONDITION',
  });
}

/** Some configuration stores are loaded, but none of this name. */
export function configurationStoreNotFound(store: string): ApiError {
  return new ApiError(`configuration store ${store} not found`, {
    errorCode: 'ERR_CONFIGURATION_STORE_NOT_FOUND',
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
  });
}

export function configurationGetFailed(store: string, keys: readonly string[], cause: unknown): ApiError {
  const message = `failed to get ${listed(keys)} from Configuration store ${store}: ${errorMessage(cause)}`;
  return new ApiError(message, {
    errorCode: 'ERR_CONFIGURATION_GET',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    cause,
  });
}

/** The gRPC status is Dapr's, whatever the reason. */
export function configurationSubscribeFailed(store: string, keys: readonly string[], cause: unknown): ApiError {
  const message = `failed to subscribe ${listed(keys)} from Configuration store ${store}: ${errorMessage(cause)}`;
  return new ApiError(message, {
    errorCode: 'ERR_CONFIGURATION_SUBSCRIBE',
    httpStatus: 500,
    grpcStatus: 'INVALID_ARGUMENT',
    cause,
  });
}

export function configurationUnsubscribeFailed(id: string, cause: unknown): ApiError {
  return new ApiError(`failed to unsubscribe to configuration request ${id}: ${errorMessage(cause)}`, {
    errorCode: 'ERR_CONFIGURATION_UNSUBSCRIBE',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    cause,
  });
}

/** There is no app that changes could be sent to. */
export function noAppForConfiguration(): ApiError {
  return new ApiError(`app channel is not initialized. cannot subscribe to configuration updates${noAppAdvice}`, {
    errorCode: 'ERR_APP_CHANNEL_NIL',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
  });
}

/** As Go prints a list. */
function listed(keys: readonly string[]): string {
  return `[${keys.join(' ')}]`;
}
