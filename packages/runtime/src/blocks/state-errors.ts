import { ComponentError, errorMessage } from '@outrigger/core';

import { ApiError, badRequest, errorInfo, help, malformedRequest, resourceInfo } from '../errors.ts';

// Dapr's codes, statuses and texts: pkg/api/errors/state.go and pkg/messages of 1.18.

/** No state store is loaded at all. */
export function stateStoreNotConfigured(store: string, appId: string): ApiError {
  return new ApiError(`state store ${store} is not configured`, {
    errorCode: 'ERR_STATE_STORE_NOT_CONFIGURED',
    httpStatus: 500,
    grpcStatus: 'FAILED_PRECONDITION',
    details: [errorInfo('DAPR_STATE_NOT_CONFIGURED', { appID: appId })],
    grpcDetails: [errorInfo('DAPR_STATE_NOT_CONFIGURED')],
  });
}

/** Some state stores are loaded, but none of this name. */
export function stateStoreNotFound(store: string, appId: string): ApiError {
  return new ApiError(`state store ${store} is not found`, {
    errorCode: 'ERR_STATE_STORE_NOT_FOUND',
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    details: [errorInfo('DAPR_STATE_NOT_FOUND', { appID: appId })],
    grpcDetails: [errorInfo('DAPR_STATE_NOT_FOUND')],
  });
}

/** The key holds the separator that stands between prefix and key. */
export function illegalKey(store: string, key: string): ApiError {
  const message = `input key/keyPrefix '${key}' can't contain '||'`;
  return malformedRequest(message, [
    badRequest(key, message),
    resourceInfo('state', store),
    errorInfo('DAPR_STATE_ILLEGAL_KEY'),
  ]);
}

export function keyRequired(): ApiError {
  return new ApiError('"key" is a required field', {
    errorCode: 'ERR_MALFORMED_REQUEST',
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    grpcMessage: 'state key cannot be empty',
  });
}

export function transactionsNotSupported(store: string): ApiError {
  return new ApiError(`state store ${store} doesn't support transactions`, {
    errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
    httpStatus: 500,
    grpcStatus: 'UNIMPLEMENTED',
    details: [
      help(
        'Check the list of state stores and the features they support',
        'https://docs.dapr.io/reference/components-reference/supported-state-stores/',
      ),
      resourceInfo('state', store),
      errorInfo('DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED'),
    ],
  });
}

export function tooManyOperations(store: string, count: number, most: number): ApiError {
  return new ApiError(
    `the transaction contains ${count} operations, which is more than what the state store supports: ${most}`,
    {
      errorCode: 'ERR_STATE_STORE_TOO_MANY_TRANSACTIONS',
      httpStatus: 400,
      grpcStatus: 'INVALID_ARGUMENT',
      details: [
        resourceInfo('state', store),
        errorInfo('DAPR_STATE_TOO_MANY_TRANSACTIONS', {
          currentOpsTransaction: String(count),
          maxOpsPerTransaction: String(most),
        }),
      ],
    },
  );
}

export function operationNotSupported(operation: string): ApiError {
  return new ApiError(`operation type ${operation} not supported`, {
    errorCode: 'ERR_NOT_SUPPORTED_STATE_OPERATION',
    httpStatus: 400,
    grpcStatus: 'UNIMPLEMENTED',
  });
}

export function queryNotSupported(store: string): ApiError {
  return new ApiError('state store does not support querying', {
    errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    details: [resourceInfo('state', store), errorInfo('DAPR_STATE_QUERYING_NOT_SUPPORTED')],
  });
}

export function queryFailed(store: string, reason: unknown): ApiError {
  return new ApiError(`state store ${store} query failed: ${stateMessage(reason)}`, {
    errorCode: 'ERR_STATE_QUERY',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    details: [resourceInfo('state', store), errorInfo('DAPR_STATE_QUERY_FAILED')],
    cause: reason,
  });
}

export function stateKeysNotSupported(store: string): ApiError {
  return new ApiError('state store does not support listing keys', {
    errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    details: [resourceInfo('state', store), errorInfo('OUTRIGGER_STATE_KEYS_NOT_SUPPORTED')],
  });
}

export function stateKeysFailed(store: string, reason: unknown): ApiError {
  return new ApiError(`listing keys of state store ${store} failed: ${stateMessage(reason)}`, {
    errorCode: 'ERR_STATE_QUERY',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    details: [resourceInfo('state', store), errorInfo('OUTRIGGER_STATE_KEYS_FAILED')],
    cause: reason,
  });
}

/** An option outside the closed list, as `concurrency=maybe`; what is wrong stands in the message. */
export class StateOptionError extends Error {
  override readonly name = 'StateOptionError';
}

/** How a store's failure reads to the caller: etag failures with the words that SDKs look for. */
export function stateMessage(error: unknown): string {
  const message = errorMessage(error);
  if (!ComponentError.is(error)) return message;
  if (error.code === 'etag-mismatch') return `possible etag mismatch. error from state store: ${message}`;
  return error.code === 'invalid-argument' && isAboutEtag(message) ? `invalid etag value: ${message}` : message;
}

function isAboutEtag(message: string): boolean {
  return /\betag\b/i.test(message);
}

/** Whether an error is one of those that a retry of the same write cannot mend and that name their own status. */
export function isEtagFailure(error: unknown): boolean {
  return (
    ComponentError.is(error) &&
    (error.code === 'etag-mismatch' || (error.code === 'invalid-argument' && isAboutEtag(error.message)))
  );
}

type Status = { readonly httpStatus: number; readonly grpcStatus: 'ABORTED' | 'INVALID_ARGUMENT' | 'INTERNAL' };

function statusOf(error: unknown): Status {
  if (error instanceof StateOptionError) return { httpStatus: 400, grpcStatus: 'INVALID_ARGUMENT' };
  if (!isEtagFailure(error)) return { httpStatus: 500, grpcStatus: 'INTERNAL' };
  return (error as ComponentError).code === 'etag-mismatch'
    ? { httpStatus: 409, grpcStatus: 'ABORTED' }
    : { httpStatus: 400, grpcStatus: 'INVALID_ARGUMENT' };
}

export function stateGetFailed(store: string, key: string, cause: unknown): ApiError {
  const status = cause instanceof StateOptionError ? statusOf(cause) : statusOf(undefined);
  return new ApiError(`fail to get ${key} from state store ${store}: ${errorMessage(cause)}`, {
    errorCode: 'ERR_STATE_GET',
    ...status,
    cause,
  });
}

/** The request itself is wrong; what the store could not read stands in the `error` of each item. */
export function stateBulkGetFailed(cause: unknown): ApiError {
  return new ApiError(errorMessage(cause), { errorCode: 'ERR_STATE_BULK_GET', ...statusOf(cause), cause });
}

/** `causes`: one for each item that failed. Of several an etag failure wins; else all messages are shown, a line each. */
export function stateSaveFailed(store: string, causes: readonly unknown[]): ApiError {
  return bulkFailure('ERR_STATE_SAVE', `failed saving state in state store ${store}`, causes);
}

export function stateDeleteFailed(key: string, cause: unknown): ApiError {
  return bulkFailure('ERR_STATE_DELETE', `failed deleting state with key ${key}`, [cause]);
}

export function stateBulkDeleteFailed(store: string, causes: readonly unknown[]): ApiError {
  return bulkFailure('ERR_STATE_DELETE_BULK', `failed deleting state in state store ${store}`, causes);
}

function bulkFailure(errorCode: string, what: string, causes: readonly unknown[]): ApiError {
  const telling = causes.find((cause) => cause instanceof StateOptionError || isEtagFailure(cause));
  const shown = telling === undefined ? causes : [telling];
  return new ApiError(`${what}: ${shown.map(stateMessage).join('\n')}`, {
    errorCode,
    ...statusOf(telling),
    cause: causes.length === 1 ? causes[0] : new AggregateError(causes),
  });
}

/** The events of a transaction could not be handed over, so that it was not made. */
export function outboxFailed(appId: string, cause: unknown): ApiError {
  const error = errorMessage(cause);
  return new ApiError(`error while publishing outbox message: ${error}`, {
    errorCode: 'ERR_PUBLISH_OUTBOX',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    details: [errorInfo('DAPR_PUBSUB_OUTBOX', { appID: appId, error })],
    cause,
  });
}

export function transactionFailed(cause: unknown): ApiError {
  return new ApiError(`error while executing state transaction: ${stateMessage(cause)}`, {
    errorCode: 'ERR_STATE_TRANSACTION',
    ...statusOf(undefined),
    cause,
  });
}
