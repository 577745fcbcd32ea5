import { parseLike } from '@outrigger/core';

/** A regular expression of the server (PCRE) for whole texts that are like the SQL LIKE pattern. A character is a code point. */
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

/** What bounds a key: how it begins, or the whole of it. The server finds what begins alike by its index, without a look at the rest. */
export function keysLike(pattern: string): { readonly $eq: string } | KeyRange {
  const parts = parseLike(pattern);
  const wildcard = parts.findIndex((part) => typeof part === 'string');
  const literal = (wildcard < 0 ? parts : parts.slice(0, wildcard)).map((part) =>
    typeof part === 'string' ? '' : part.text,
  );
  return wildcard < 0 ? { $eq: literal.join('') } : keysFrom(literal.join(''));
}

export interface KeyRange {
  readonly $gte: string;
  readonly $lt?: string;
}

/** Where the texts lie that begin with `text`; the server orders them by code points. */
export function keysFrom(text: string): KeyRange {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    // half a surrogate pair is no text; after the highest of all the one before it counts
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    if (next <= 0x10ffff) return { $gte: text, $lt: String.fromCodePoint(...points, next) };
  }
  return { $gte: text };
}
