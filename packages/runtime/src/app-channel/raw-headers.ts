import type { HeaderMap } from './app-channel.ts';

/**
 * Headers by their names in lower case; of several with one name all values are kept, in their order.
 *
 * @param raw names and values in turns, as Node.js has them
 * @param isWanted asked for each name, which is in lower case
 */
export function headersOf(raw: readonly string[], isWanted: (name: string) => boolean): HeaderMap {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (!isWanted(name)) continue;
    const value = raw[index + 1] ?? '';
    const present = headers[name];
    if (typeof present === 'string') headers[name] = [present, value];
    else if (Array.isArray(present)) present.push(value);
    // Something else is there where every object has a member of that name: `constructor`.
    else headers[name] = value;
  }
  return headers;
}
