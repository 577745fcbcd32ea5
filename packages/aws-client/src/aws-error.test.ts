import { ComponentError } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { awsError, isMissing } from './aws-error.ts';

const named = (name: string, message = 'AKIA-SECRET', more = {}) =>
  Object.assign(new Error(message), { name, ...more });

describe('failures of AWS', () => {
  it.each([
    ['InvalidClientTokenId', 'invalid-argument', 'accessKey'],
    ['SignatureDoesNotMatch', 'invalid-argument', 'secretKey'],
    ['ExpiredToken', 'invalid-argument', 'sessionToken'],
    ['CredentialsProviderError', 'invalid-argument', 'accessKey'],
    ['AccessDeniedException', 'invalid-argument', 'right'],
    ['AuthorizationErrorException', 'invalid-argument', 'right'],
  ])('%s names what to mend and quotes nothing', (name, code, fix) => {
    const error = awsError(named(name), 'publishing to topic "orders"');
    expect(error.code).toBe(code);
    expect(error.message).toContain('publishing to topic "orders"');
    expect(error.message).toContain(fix);
    expect(error.message).not.toContain('AKIA-SECRET');
  });

  it.each([
    [named('Error', 'connect', { code: 'ECONNREFUSED' }), 'unavailable'],
    [named('TimeoutError', 'slow'), 'unavailable'],
    [named('ThrottledException', 'slow down'), 'unavailable'],
    [named('RequestThrottled', 'slow down'), 'unavailable'],
    [named('InternalErrorException', 'oops', { $metadata: { httpStatusCode: 500 } }), 'unavailable'],
    [named('Unknown', '<html>', { $metadata: { httpStatusCode: 403 } }), 'invalid-argument'],
    [named('NotFoundException', 'no topic'), 'not-found'],
    [named('QueueDoesNotExist', 'no queue'), 'not-found'],
    [named('InvalidParameterException', 'bad'), 'invalid-argument'],
    [named('BatchRequestTooLong', 'bad'), 'invalid-argument'],
    [named('UnsupportedOperation', 'no'), 'unsupported'],
    [named('Odd', 'strange'), 'internal'],
  ])('%s is "%s"', (error, code) => {
    expect(awsError(error, 'x').code).toBe(code);
    expect(isMissing(error)).toBe(code === 'not-found');
  });

  it('what is told already stays as it is', () => {
    const error = new ComponentError('not-found', 'gone');
    expect(awsError(error, 'x')).toBe(error);
    expect(isMissing(error)).toBe(true);
  });
});
