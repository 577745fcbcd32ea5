import { parseEnv } from 'node:util';
import { ComponentError } from '@outrigger/core';
import type { Entry } from './json-text.ts';

/**
 * The values of `KEY=value` lines, in the dialect of `node --env-file`: comments, `export`, quotes that may span lines. Unlike
 * there, a line that is none of these is an error, named by its number and never by its content.
 */
export function parseEnvText(text: string, path: string): readonly Entry[] {
  const lines = text.split(/\r?\n/);
  const entries: Entry[] = [];
  for (let start = 0; start < lines.length; start++) {
    const line = lines[start] ?? '';
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, quote, rest = ''] = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(["'`])?(.*)$/.exec(line) ?? [];
    if (name === undefined) {
      throw new ComponentError(
        'invalid-argument',
        `${path}:${start + 1}: expected KEY=value, a comment or a JSON object`,
      );
    }
    let end = start;
    if (quote !== undefined && !rest.includes(quote)) {
      end = lines.findIndex((candidate, index) => index > start && candidate.includes(quote));
      if (end < 0)
        throw new ComponentError('invalid-argument', `${path}:${start + 1}: the quote that opens here is never closed`);
    }
    const value = parseEnv(lines.slice(start, end + 1).join('\n'))[name];
    if (value === undefined) throw new ComponentError('invalid-argument', `${path}:${start + 1}: expected KEY=value`);
    entries.push({ names: [name], value, line: start + 1 });
    start = end;
  }
  return entries;
}
