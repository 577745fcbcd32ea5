import { errorMessage } from '@outrigger/core';

import { ApiError } from '../errors.ts';

// Dapr's codes, statuses and texts: pkg/messages of 1.18.

/** No secret store is loaded at all. */
export function secretStoresNotConfigured(): ApiError {
  return new ApiError('secret store is not configured', {
    errorCode: 'ERR_SECRET_STORES_NOT_CONFIGURED',
    httpStatus: 500,
    grpcStatus: 'FAILED_PRECONDITION',
  });
}

/** Some secret stores are loaded, but none of this name. */
export function secretStoreNotFound(store: string): ApiError {
  return new ApiError(`failed finding secret store with key ${store}`, {
    errorCode: 'ERR_SECRET_STORE_NOT_FOUND',
    httpStatus: 401,
    grpcStatus: 'INVALID_ARGUMENT',
  });
}

export function secretDenied(store: string, name: string): ApiError {
  return new ApiError(`access denied by policy to get ${JSON.stringify(name)} from ${JSON.stringify(store)}`, {
    errorCode: 'ERR_PERMISSION_DENIED',
    httpStatus: 403,
    grpcStatus: 'PERMISSION_DENIED',
  });
}

/** What the APIs answer for a name that the store does not have: Dapr's stores fail with it. */
export function secretNotFound(store: string, name: string): ApiError {
  return secretGetFailed(store, name, new Error(`secret ${name} not found`));
}

export function secretGetFailed(store: string, name: string, cause: unknown): ApiError {
  return failed(`failed getting secret with key ${name} from secret store ${store}`, cause);
}

export function secretBulkGetFailed(store: string, cause: unknown): ApiError {
  return failed(`failed getting secrets from secret store ${store}`, cause);
}

function failed(what: string, cause: unknown): ApiError {
  return new ApiError(`${what}: ${errorMessage(cause)}`, {
    errorCode: 'ERR_SECRET_GET',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    cause,
  });
}
