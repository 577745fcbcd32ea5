import { pathToFileURL } from 'node:url';
import { ComponentError, type Logger } from '@outrigger/core';

export interface Location {
  /** What SQLite is given. */
  readonly uri: string;
  /** The file as the file system knows it; absent for a database in memory. */
  readonly path?: string;
  readonly readOnly: boolean;
  /** As they stand in `_pragma` parameters: `cache_size(-8000)`. */
  readonly pragmas: readonly string[];
}

const ownFields: Readonly<Record<string, string>> = {
  busy_timeout: 'use the field busyTimeout',
  journal_mode: 'use the field disableWAL',
  foreign_keys: 'it belongs to the component',
};

/** Reads a connection string as Dapr understands it. Throws `invalid-argument` for what cannot work. */
export function parseConnectionString(text: string, logger: Logger): Location {
  const mark = text.indexOf('?');
  const head = mark < 0 ? text : text.slice(0, mark);
  const parameters = new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1));

  const pragmas = parameters.getAll('_pragma');
  for (const pragma of pragmas) refusePragma(pragma);
  const lock = parameters.get('_txlock') ?? 'immediate';
  if (lock.toLowerCase() !== 'immediate')
    logger.warn(`connectionString: _txlock=${lock} is ignored, transactions are always immediate`);
  // the rest are SQLite's own: mode, cache, immutable, vfs, …
  for (const name of Array.from(parameters.keys()).filter((known) => known.startsWith('_'))) parameters.delete(name);
  const query = parameters.size === 0 ? '' : `?${parameters.toString()}`;

  const isUri = /^file:/i.test(head);
  const bare = isUri ? head.slice('file:'.length) : head;
  const common = { pragmas, readOnly: parameters.get('mode') === 'ro' || parameters.get('immutable') === '1' };
  if (bare.toLowerCase() === ':memory:' || parameters.get('mode') === 'memory') {
    return { ...common, uri: query === '' ? bare : `file:${bare}${query}` };
  }
  if (bare === '') throw new ComponentError('invalid-argument', 'connectionString names no file');
  if (isUri) return { ...common, uri: `file:${bare}${query}`, path: pathOfUri(bare) };
  return { ...common, uri: query === '' ? head : pathToFileURL(head).href + query, path: head };
}

function pathOfUri(rest: string): string {
  const path = rest.startsWith('//') ? rest.slice(Math.max(2, rest.indexOf('/', 2))) : rest;
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new ComponentError('invalid-argument', 'connectionString: a % in a file: URI must be written %25', {
      cause: error,
    });
  }
}

function refusePragma(pragma: string): void {
  const name = /^([a-z_]+)\s*(?:\([^();]*\)|=[^();]*)?$/i.exec(pragma)?.[1]?.toLowerCase();
  if (name === undefined) {
    throw new ComponentError(
      'invalid-argument',
      `connectionString: _pragma="${pragma}" is not of the form name(value)`,
    );
  }
  const instead = ownFields[name];
  if (instead !== undefined) {
    throw new ComponentError('invalid-argument', `connectionString: _pragma=${name} cannot be set there: ${instead}`);
  }
}
