import { ComponentError } from './errors.ts';

/** A piece of an SQL LIKE pattern: text that stands for itself, `%` (any run, also an empty one), or `_` (any one character). */
export type LikePart = { readonly text: string } | 'any-run' | 'any-one';

/**
 * Takes an SQL LIKE pattern apart; `\` makes the next character stand for itself, and stands for itself at the end. For
 * components that hand the pattern on in another language. Throws `invalid-argument` for an empty one.
 */
export function parseLike(pattern: string): LikePart[] {
  if (pattern === '') throw new ComponentError('invalid-argument', 'keys like: the pattern is empty');
  const parts: LikePart[] = [];
  for (const [piece] of pattern.matchAll(/\\?[^]|%|_/gu)) {
    if (piece === '%') parts.push('any-run');
    else if (piece === '_') parts.push('any-one');
    else parts.push({ text: piece.length > 1 && piece.startsWith('\\') ? piece.slice(1) : piece });
  }
  return parts;
}

/**
 * Compiles an SQL LIKE pattern to a test of a whole text. Upper and lower case differ; a character is a code point. Its time
 * is at most the product of the two lengths, whatever the pattern.
 */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const parts = parseLike(pattern);
  return (text) => {
    const characters = Array.from(text);
    let part = 0;
    let at = 0;
    // where to go on when a guess at the length of the last run was wrong
    let run = -1;
    let runEnd = 0;
    while (at < characters.length) {
      const wanted = parts[part];
      if (wanted === 'any-run') {
        run = part++;
        runEnd = at;
      } else if (wanted === 'any-one' || (wanted !== undefined && wanted.text === characters[at])) {
        part++;
        at++;
      } else if (run >= 0) {
        part = run + 1;
        at = ++runEnd;
      } else {
        return false;
      }
    }
    while (parts[part] === 'any-run') part++;
    return part === parts.length;
  };
}
