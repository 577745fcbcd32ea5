import { unescapeText } from './request-path.ts';

const none: readonly string[] = [];
const noMetadata: Readonly<Record<string, string>> = Object.freeze({});
const metadataPrefix = 'metadata.';

/** Calls `visit` for each parameter of a query in order, unescaped; a parameter with a broken escape is left out, as in Go. */
function eachParameter(query: string, visit: (name: string, value: string) => void): void {
  for (const part of query.split('&')) {
    // Go refuses semicolons, which some servers take for separators
    if (part === '' || part.includes(';')) continue;
    const equals = part.indexOf('=');
    const name = unescapeText(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? '' : unescapeText(part.slice(equals + 1));
    if (name !== undefined && value !== undefined) visit(name, value);
  }
}

/** Every value of a parameter, in order. */
export function queryValues(query: string, wanted: string): readonly string[] {
  if (query === '') return none;
  const values: string[] = [];
  eachParameter(query, (name, value) => {
    if (name === wanted) values.push(value);
  });
  return values;
}

/** `metadata.*` parameters without that prefix, the first value of each; one shared empty object when there are none. */
export function queryMetadata(query: string): Readonly<Record<string, string>> {
  // an escaped dot or letter is possible, if nobody sends it
  if (query === '' || !(query.includes(metadataPrefix) || query.includes('%'))) return noMetadata;
  const metadata = new Map<string, string>();
  eachParameter(query, (name, value) => {
    if (!name.startsWith(metadataPrefix)) return;
    const key = name.slice(metadataPrefix.length);
    if (!metadata.has(key)) metadata.set(key, value);
  });
  return metadata.size === 0 ? noMetadata : Object.fromEntries(metadata);
}
