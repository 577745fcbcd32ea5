import { parseLike } from '@outrigger/core';

/** A regular expression of the server (PCRE) for texts that begin with `text`. It holds no character that means something. */
export function startingWith(text: string): string {
  return `^${escaped(text)}`;
}

/** A regular expression of the server for whole texts that are like the SQL LIKE pattern. A character is a code point. */
export function like(pattern: string): string {
  const parts = parseLike(pattern).map((part) =>
    part === 'any-run' ? String.raw`[\s\S]*` : part === 'any-one' ? String.raw`[\s\S]` : escaped(part.text),
  );
  // `$` would let a line break follow
  return `^${parts.join('')}(?![\\s\\S])`;
}

function escaped(text: string): string {
  return text.replace(
    /[\0-/:-@[-`{-\x7F]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
