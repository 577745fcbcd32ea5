import { ComponentError, type ErrorCode, errorMessage } from '@outrigger/core';

/** The five characters by which the server says what went wrong; `undefined` for what the server has not said. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined;
  return String(error.code);
}

/** Whether the session has ended, or nobody knows how far it got, so that its connection cannot be used again. */
export function endsSession(error: unknown): boolean {
  if (ComponentError.is(error)) return false;
  return sqlState(error) === undefined || (error as { severity?: unknown }).severity !== 'ERROR';
}

/** What a statement or a connection failed with, as callers are told it. */
export function failure(error: unknown, address: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const state = sqlState(error);
  const message = errorMessage(error);
  const [code, what] = state === undefined ? connectionFailure(error, message) : statementFailure(state, message);
  return new ComponentError(code, `PostgreSQL at ${address}: ${what}`, { cause: error });
}

/** Where to look when the component does not start. */
const hints: ReadonlyMap<string, string> = new Map([
  ['28P01', 'correct user and password in connectionString'],
  ['28000', 'correct user, password and sslmode in connectionString, or the server’s pg_hba.conf'],
  ['3D000', 'correct the database in connectionString, or create it'],
  ['3F000', 'create the schema that tablePrefix or metadataTableName begin with'],
  ['42501', 'the user of connectionString may not make or use the tables: grant it the rights, or create them for it'],
  ['42P01', 'the table is gone; it is made when the component starts'],
]);

const unavailable = /^(08|53|57P0|58|40|55P03|25006)/;
const refused = /^(22|54|28|3D|3F|42501)/;

function statementFailure(state: string, message: string): [ErrorCode, string] {
  const hint = hints.get(state);
  const what = hint === undefined ? `${message} (${state})` : `${message} (${state}): ${hint}`;
  // canceled: by a statement_timeout or an administrator
  if (state === '57014') return ['deadline-exceeded', what];
  if (unavailable.test(state)) return ['unavailable', what];
  return [refused.test(state) ? 'invalid-argument' : 'internal', what];
}

const certificateProblem = /certificate|ERR_TLS|ERR_SSL|ERR_OSSL|SELF_SIGNED|UNABLE_TO|CERT_/i;

function connectionFailure(error: unknown, message: string): [ErrorCode, string] {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/does not support SSL/.test(message)) {
    return ['invalid-argument', `${message}: correct sslmode in connectionString (or use sslmode=disable)`];
  }
  if (certificateProblem.test(code) || certificateProblem.test(message)) {
    return ['invalid-argument', `${message}: correct sslmode, sslrootcert, sslcert and sslkey in connectionString`];
  }
  if (message.startsWith('SASL')) return ['invalid-argument', 'a password is needed: correct it in connectionString'];
  return ['unavailable', message];
}
