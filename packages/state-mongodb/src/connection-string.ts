import { ComponentError } from '@outrigger/core';
import type { StateMongoMetadata } from './fields.ts';

type Where = Pick<
  StateMongoMetadata,
  'connectionString' | 'server' | 'host' | 'params' | 'username' | 'password' | 'databaseName'
>;

/** The URI that the fields stand for. Throws `invalid-argument` when they name no server or two. */
export function connectionStringOf(metadata: Where): string {
  const { connectionString, server, host, username, password, databaseName } = metadata;
  if (connectionString) return connectionString;
  if (!server && !host) throw wrong('set connectionString, or host, or server');
  if (server && host) throw wrong('host and server exclude each other: leave one of them out');
  if (Boolean(username) !== Boolean(password)) throw wrong('username and password go together: set both or neither');
  const login = username && password ? `${encodeURIComponent(username)}:${encodeURIComponent(password)}@` : '';
  const params = metadata.params?.replace(/^\??(?=.)/, '?') ?? '';
  // the database is also the one that the user is looked up in, unless authSource says otherwise
  return `${server ? 'mongodb+srv' : 'mongodb'}://${login}${server || host}/${encodeURIComponent(databaseName)}${params}`;
}

/** Whether the URI sets the option by itself. Names of options are matched case-insensitively. */
export function setsOption(uri: string, option: string): boolean {
  const [, query = ''] = /\?(.*)$/.exec(uri) ?? [];
  return query.split('&').some((pair) => pair.split('=')[0]?.toLowerCase() === option.toLowerCase());
}

function wrong(reason: string): ComponentError {
  return new ComponentError('invalid-argument', reason);
}
