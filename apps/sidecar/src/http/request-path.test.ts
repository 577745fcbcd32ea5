import { posix } from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { cleanPath, originForm, unescapeText } from './request-path.ts';

const segment = fc.oneof(
  fc.constantFrom('', '.', '..', '...', '.a', '..b', 'a.', 'a', '%2F', '%2e%2e'),
  fc.webSegment(),
);

/** What Go's path.Clean makes of a rooted path: normalised, without a slash at the end. */
function reference(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

test('any path becomes what path.Clean makes of it', () => {
  fc.assert(
    fc.property(fc.array(segment), fc.boolean(), (segments, slash) => {
      const path = `/${segments.join('/')}${slash ? '/' : ''}`;
      expect(cleanPath(path)).toBe(reference(path));
      expect(cleanPath(cleanPath(path))).toBe(cleanPath(path));
    }),
    { numRuns: 500 },
  );
});

test('escaped slashes and dots are left alone', () => {
  expect(cleanPath('//v1.0/state//s/a%2Fb/../%2e%2e/')).toBe('/v1.0/state/s/%2e%2e');
  expect(cleanPath('/../../etc')).toBe('/etc');
  expect(cleanPath('')).toBe('/');
});

test('absolute targets lose scheme and host', () => {
  expect(originForm('http://host:1/a/b?c=http://d')).toBe('/a/b?c=http://d');
  expect(originForm('http://host')).toBe('/');
  expect(originForm('/a?b=http://c/d')).toBe('/a?b=http://c/d');
});

test('text is unescaped as in a query', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(unescapeText(encodeURIComponent(text))).toBe(text);
    }),
  );
  expect(unescapeText('a+b%2Bc')).toBe('a b+c');
  expect(unescapeText('%00')).toBe('\0');
  expect(unescapeText('%zz')).toBeUndefined();
  expect(unescapeText('%e')).toBeUndefined();
  expect(unescapeText('%ffä%41')).toBe('\ufffdäA');
});
