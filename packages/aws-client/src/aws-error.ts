import { ComponentError, type ErrorCode, errorMessage } from '@outrigger/core';

/** Names by which AWS’s services refuse the credentials themselves. */
const refusedCredentials: ReadonlySet<string> = new Set([
  'AuthFailure',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSecurity',
  'InvalidSecurityException',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

const codeOfName: Readonly<Record<string, ErrorCode>> = {
  NotFound: 'not-found',
  NotFoundException: 'not-found',
  ResourceNotFoundException: 'not-found',
  ParameterNotFound: 'not-found',
  ParameterVersionNotFound: 'not-found',
  QueueDoesNotExist: 'not-found',
  'AWS.SimpleQueueService.NonExistentQueue': 'not-found',
  QueueDeletedRecently: 'unavailable',
  OverLimit: 'unavailable',
  ConcurrentAccess: 'unavailable',
  ConcurrentAccessException: 'unavailable',
  UnsupportedOperation: 'unsupported',
};

const networkCodes: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
]);

interface AwsFailure {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * What an SDK call failed with, as a ComponentError that says what was being done, such as `creating topic "orders"`. What AWS
 * says about credentials is left out, as it may quote them.
 */
export function awsError(error: unknown, doing: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const { name = '', code = '', $metadata } = (error ?? {}) as AwsFailure;
  const status = $metadata?.httpStatusCode ?? 0;
  const failed = (kind: ErrorCode, what: string) =>
    new ComponentError(kind, `${doing} failed: ${what}`, { cause: error });
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return failed(
      'invalid-argument',
      'no AWS credentials found; set accessKey and secretKey, or give the process a role or a profile',
    );
  }
  if (refusedCredentials.has(name)) {
    return failed(
      'invalid-argument',
      `AWS refuses the credentials (${name}); check accessKey, secretKey, sessionToken and region`,
    );
  }
  if (/AccessDenied|AuthorizationError|KMSAccessDenied|KmsAccessDenied/.test(name)) {
    return failed('invalid-argument', `the credentials do not have the right to do this (${name})`);
  }
  if (status === 401 || status === 403) {
    return failed(
      'invalid-argument',
      `the request was refused (${status}); check accessKey, secretKey, sessionToken and endpoint`,
    );
  }
  if (errorMessage(error).startsWith('Region is missing')) {
    return failed('invalid-argument', 'no AWS region is set; set region');
  }
  if (networkCodes.has(code) || name === 'TimeoutError') {
    const what = name === 'TimeoutError' ? 'no answer in time' : code;
    return failed('unavailable', `AWS cannot be reached (${what}); check endpoint and region`);
  }
  const known = codeOfName[name];
  if (known) return failed(known, said(error, name));
  if (/Thrott|RequestLimitExceeded|TooManyRequests/.test(name) || status === 429 || status >= 500) {
    return failed('unavailable', said(error, name));
  }
  if (/^Invalid|^BatchRequestTooLong|^Validation|TooLong/.test(name))
    return failed('invalid-argument', said(error, name));
  return failed('internal', said(error, name));
}

/** Whether what was asked for is not there. */
export function isMissing(error: unknown): boolean {
  const { name = '' } = (error ?? {}) as AwsFailure;
  return codeOfName[name] === 'not-found' || (ComponentError.is(error) && error.code === 'not-found');
}

function said(error: unknown, name: string): string {
  const message = errorMessage(error);
  return name === '' || name === 'Error' || message.includes(name) ? message : `${message} (${name})`;
}
