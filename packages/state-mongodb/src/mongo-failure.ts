import { ComponentError, type ErrorCode, errorMessage } from '@outrigger/core';
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';

/** Of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const codes = {
  unauthorized: 13,
  authenticationFailed: 18,
  writeConflict: 112,
  duplicateKey: 11000,
} as const;

const tooLarge: ReadonlySet<unknown> = new Set([10334, 17280, 17419, 17420]);
// time limit, write concern timeout
const late: ReadonlySet<unknown> = new Set([50, 64, 262]);
// stepping down, shutting down, no primary, too few members
const away: ReadonlySet<unknown> = new Set([91, 100, 133, 189, 10058, 10107, 11600, 11602, 13435, 13436]);

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === codes.duplicateKey;
}

/** The server has dropped what was to be written because somebody else wrote at the same time; nothing of it is there. */
export function isConflict(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === codes.writeConflict;
}

/** What a failed operation means to the caller of the API. */
export function operationFailure(error: unknown, address: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const { code, reason } = meaning(error);
  return new ComponentError(code, `MongoDB at ${address} ${reason}`, { cause: error });
}

function meaning(error: unknown): { code: ErrorCode; reason: string } {
  if (!(error instanceof Error)) return { code: 'internal', reason: `failed: ${String(error)}` };
  // a request of many writes that failed as a whole wears the error that it failed with
  if (error instanceof MongoBulkWriteError && error.errorResponse instanceof Error) return meaning(error.errorResponse);
  if (error.name === 'MongoWriteConcernError') {
    return {
      code: 'deadline-exceeded',
      reason: `has a write that too few members confirmed (writeconcern): ${error.message}`,
    };
  }
  if (error.name === 'MongoWaitQueueTimeoutError') {
    return { code: 'unavailable', reason: 'has all its connections in use (maxPoolSize in the connection string)' };
  }
  if (error instanceof MongoServerSelectionError)
    return { code: 'unavailable', reason: `cannot be reached: ${error.message}` };
  if (error instanceof MongoNetworkTimeoutError) {
    return { code: 'deadline-exceeded', reason: 'did not answer within operationTimeout; a write may be done or not' };
  }
  if (
    error instanceof MongoNetworkError ||
    isOfSocket(error) ||
    (error instanceof MongoError && /(PoolC|TopologyC|NotConn)/.test(error.name))
  ) {
    return { code: 'unavailable', reason: 'closed the connection; a write that was under way may be done or not' };
  }
  if (isTooLarge(error))
    return { code: 'invalid-argument', reason: 'takes documents of 16 MiB with all there is in them' };
  if (error instanceof MongoServerError) return { code: codeOf(error), reason: `answered "${error.message}"` };
  return { code: 'internal', reason: `failed: ${error.message}` };
}

function codeOf({ code }: MongoServerError): ErrorCode {
  if (code === codes.authenticationFailed) return 'invalid-argument';
  if (code === codes.unauthorized) return 'unsupported';
  if (code === codes.writeConflict || away.has(code)) return 'unavailable';
  return late.has(code) ? 'deadline-exceeded' : 'internal';
}

/** Errors of a socket that the client library hands on as they are, when the other side has just gone. */
function isOfSocket(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}

function isTooLarge(error: Error): boolean {
  if (error instanceof MongoServerError) return tooLarge.has(error.code);
  return error instanceof RangeError || /larger than the maximum/.test(error.message);
}

/** Why the first connection could not be made, and what to do about it. Neither message nor cause holds the login. */
export function connectFailure(error: unknown, address: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const reason = errorMessage(error);
  const failed = error instanceof MongoServerSelectionError ? innerReason(error) : error;
  if (failed instanceof MongoServerError && failed.code === codes.authenticationFailed) {
    const where = 'username, password and authSource, in their fields or in connectionString';
    return refused(`MongoDB at ${address} refused the login: check ${where}`, failed);
  }
  if (failed instanceof MongoServerError && failed.code === codes.unauthorized) {
    const why = 'set username and password, and give the user the role readWrite on databaseName';
    return refused(`MongoDB at ${address} does not let us in ("${failed.message}"): ${why}`, failed);
  }
  const text = errorMessage(failed);
  const code = failed instanceof Error && 'code' in failed ? String(failed.code) : '';
  if (/certificate|TLS|SSL|EPROTO/i.test(`${text} ${code}`)) {
    const what = 'check tls, tlsCAFile and tlsCertificateKeyFile in connectionString or params';
    return new ComponentError('unavailable', `no TLS with MongoDB at ${address}: ${text}; ${what}`, { cause: error });
  }
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) {
    const what = 'check host, server or connectionString, and replicaSet where it names one';
    return new ComponentError('unavailable', `MongoDB at ${address} cannot be reached: ${reason}; ${what}`, {
      cause: error,
    });
  }
  return operationFailure(error, address);
}

/** What is wrong with a connection string. The library's own words may quote it, so they are neither shown nor kept. */
export function connectionStringFailure(error: unknown): ComponentError {
  const reason = errorMessage(error);
  const harmless = /^(option \w+ is not supported|Invalid scheme|Unable to parse|Must include|Protocol and host)/i.test(
    reason,
  );
  const detail = harmless && !reason.includes('@') ? ` (${reason})` : '';
  return refused(
    `the connection string of MongoDB is not valid${detail}: check connectionString, host, server and params`,
  );
}

function innerReason(error: MongoServerSelectionError): unknown {
  const servers = error.reason?.servers.values() ?? [];
  for (const server of servers) if (server.error) return server.error;
  return error;
}

function refused(message: string, cause?: unknown): ComponentError {
  return new ComponentError('invalid-argument', message, { cause });
}
