import { ComponentError } from '@outrigger/core';

/** libpq's name of each setting (in lower case, `dbname` and not `database`) and its value. */
export type ConnectionParameters = Readonly<Record<string, string>>;

/** Reads a URL or `key=value` pairs, as libpq takes them. Throws `invalid-argument`; the message holds nothing of the text. */
export function parseConnectionString(text: string): ConnectionParameters {
  const trimmed = text.trim();
  return named(/^postgres(ql)?:\/\//i.test(trimmed) ? urlParameters(trimmed) : pairs(trimmed));
}

function urlParameters(url: string): [string, string][] {
  const parts = /^\w+:\/\/(?:([^/?#@]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  if (!parts)
    throw wrong('the URL cannot be read; `@`, `/`, `?` and `#` in a password are written as %40, %2F, %3F and %23');
  const [, login = '', address = '', database = '', query = ''] = parts;
  const [user = '', ...password] = login.split(':');
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(address) ?? refuseHosts();
  const given: [string, string][] = [
    ['user', decoded(user)],
    ['password', decoded(password.join(':'))],
    ['host', decoded(host.replace(/^\[|\]$/g, ''))],
    ['port', port],
    ['dbname', decoded(database)],
  ];
  return [...given.filter(([, value]) => value !== ''), ...new URLSearchParams(query.replaceAll('+', '%2B'))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('a `%` in the URL is not followed by two hexadecimal digits; the sign itself is written as %25');
  }
}

// a value is bare, with `\` before what would end it, or in single quotes
const pair = /\s*([^\s=]+)\s*=\s*('(?:[^'\\]|\\[^])*'|(?:[^\s'\\]|\\[^])(?:[^\s\\]|\\[^])*|)(?=\s|$)/y;

function pairs(text: string): [string, string][] {
  const found: [string, string][] = [];
  pair.lastIndex = 0;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (!match) throw wrong(`it is neither a URL nor \`key=value\` pairs (pair ${found.length + 1} cannot be read)`);
    const [, key = '', value = ''] = match;
    const bare = value.startsWith("'") ? value.slice(1, -1) : value;
    found.push([key, bare.replace(/\\([^])/g, '$1')]);
  }
  return found;
}

function named(given: readonly [string, string][]): ConnectionParameters {
  const parameters: Record<string, string> = {};
  for (const [key, value] of given) {
    const name = key.toLowerCase();
    parameters[name === 'database' ? 'dbname' : name] = value;
  }
  if (/,/.test(`${parameters['host'] ?? ''}${parameters['port'] ?? ''}`)) refuseHosts();
  return parameters;
}

function refuseHosts(): never {
  throw new ComponentError('unsupported', 'connectionString: only one host and one port can be given');
}

function wrong(message: string): ComponentError {
  return new ComponentError('invalid-argument', `connectionString: ${message}`);
}
