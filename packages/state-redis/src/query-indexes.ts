import { ComponentError } from '@outrigger/core';

/** A path into the items' values that queries can use, by the name it has in the index. */
export interface IndexedPath {
  readonly alias: string;
  readonly path: string;
  readonly type: 'text' | 'number';
}

export interface QueryIndex {
  /** What a request calls it, `metadata.queryIndexName`. */
  readonly name: string;
  readonly paths: ReadonlyMap<string, IndexedPath>;
}

// A text is indexed as a whole: TEXT, as Dapr takes it, would split it into words and leave some of them out.
const typeOf: Readonly<Record<string, IndexedPath['type']>> = { TEXT: 'text', TAG: 'text', NUMERIC: 'number' };

/** Reads `queryIndexes` as Dapr documents it. Throws `invalid-argument` that names the place which is wrong. */
export function parseQueryIndexes(json: string): ReadonlyMap<string, QueryIndex> {
  const indexes = new Map<string, QueryIndex>();
  for (const [number, entry] of listAt('', parse(json)).entries()) {
    const at = `[${number}]`;
    const name = textAt(`${at}.name`, entry['name']);
    if (indexes.has(name)) throw wrong(`${at}.name`, `"${name}" is there twice`);
    const paths = listAt(`${at}.indexes`, entry['indexes']).map((each, index) =>
      pathAt(`${at}.indexes[${index}]`, each, `var${index}`),
    );
    if (paths.length === 0) throw wrong(`${at}.indexes`, 'must name at least one path');
    indexes.set(name, { name, paths: new Map(paths.map((each) => [each.path, each])) });
  }
  return indexes;
}

/** The arguments of FT.CREATE for the items of one app, whose keys begin with `keyPrefix`; `undefined`: for all. */
export function createArguments(indexName: string, { paths }: QueryIndex, keyPrefix: string | undefined): string[] {
  const schema = Array.from(paths.values()).flatMap(({ path, alias, type }) => [
    `$.data.${path}`,
    'AS',
    alias,
    ...(type === 'text' ? ['TAG', 'CASESENSITIVE', 'SORTABLE', 'UNF'] : ['NUMERIC', 'SORTABLE']),
  ]);
  return [indexName, 'ON', 'JSON', ...(keyPrefix === undefined ? [] : ['PREFIX', '1', keyPrefix]), 'SCHEMA', ...schema];
}

function pathAt(at: string, entry: Readonly<Record<string, unknown>>, alias: string): IndexedPath {
  const path = textAt(`${at}.key`, entry['key']);
  const declared = textAt(`${at}.type`, entry['type']).toUpperCase();
  const type = Object.hasOwn(typeOf, declared) ? typeOf[declared] : undefined;
  if (type === undefined) throw wrong(`${at}.type`, `"${declared}" is none of TEXT, TAG and NUMERIC`);
  return { alias, path, type };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new ComponentError('invalid-argument', 'queryIndexes is not JSON', { cause: error });
  }
}

function listAt(at: string, value: unknown): Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) throw wrong(at, 'must be a list');
  return value.map((entry: unknown, index) => {
    if (typeof entry === 'object' && entry !== null && !Array.isArray(entry)) return entry as Record<string, unknown>;
    throw wrong(`${at}[${index}]`, 'must be an object');
  });
}

function textAt(at: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(at, 'must be a text');
}

function wrong(at: string, reason: string): ComponentError {
  return new ComponentError('invalid-argument', `queryIndexes${at} ${reason}`);
}
