import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { methodOf, normalizeMethod, normalizePath } from './invocation-path.ts';

describe('a path from a URL', () => {
  it.each([
    ['/orders/7', '/orders/7'],
    ['/', '/'],
    ['', '/'],
    ['orders', '/orders'],
    ['/a%2Fb', '/a/b'],
    ['/a//b', '/a/b'],
    ['/a/../b', '/b'],
    ['/%2e%2e/b', '/b'],
    ['/..%2F..%2Fetc/passwd', '/etc/passwd'],
    ['/admin%2F..%2Fpublic', '/public'],
    ['/a/./b/', '/a/b'],
    ['/.hidden', '/.hidden'],
    ['/...', '/...'],
    ['/a%20b', '/a%20b'],
    ['/a b', '/a%20b'],
    ['/caf%C3%A9', '/caf%C3%A9'],
    ['/café', '/caf%C3%A9'],
    ['/a+b', '/a+b'],
    ['/%22quoted%22', '/%22quoted%22'],
    ['/a%2Ab', '/a*b'],
    ['/a%5Cb', '/a%5Cb'],
    // No UTF-8: such bytes stay escaped, the ASCII among them does not.
    ['/%FF%2e%2e', '/%FF..'],
    ['/a/%FF/%2e%2e%2Fb', '/a/b'],
    // Decoded once: what is escaped twice is escaped still, but cannot hide dots from cleaning.
    ['/a%2520b', '/a%20b'],
    ['/a%252Fb', '/a%2Fb'],
    ['/a/%252e%252e/b', '/b'],
    ['/a/%252e./b', '/b'],
  ])('%j is %j', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it.each([
    ['/a%00b', 'method contains forbidden character'],
    ['/a%23b', 'method contains forbidden character'],
    ['/a%3Fb', 'method contains forbidden character'],
    ['/a%0D%0Ab', 'method contains control character at position 2'],
    ['/a%09b', 'method contains control character at position 2'],
    ['/a%7Fb', 'method contains control character at position 2'],
    ['/%25b', 'invalid URL escape "%b"'],
    ['/100%25', 'invalid URL escape "%"'],
    ['/a%zz', 'invalid URL escape "%zz"'],
  ])('%j is refused: %s', (path, reason) => {
    expect(() => normalizePath(path)).toThrow(reason);
  });

  test('that was accepted is clean, fits a request line, and is as it is when normalised again as a method', () => {
    const parts = fc.constantFrom(
      'a',
      '/',
      '.',
      '..',
      '%',
      '2',
      'e',
      'f',
      '%2e',
      '%2F',
      '%25',
      '%00',
      ' ',
      'é',
      '\u{1F600}',
      '\uD800',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (pieces) => {
        let path;
        try {
          path = normalizePath(`/${pieces.join('')}`);
        } catch {
          return;
        }
        expect(path).toMatch(/^\/[\x21-\x7e]*$/);
        expect(path.split('/').slice(1)).not.toContain('..');
        expect(path).not.toMatch(/\/\/|.\/$|%2e/i);
        expect(normalizeMethod(path)).toBe(path);
        // Over the wire and back it is the same path.
        expect(normalizeMethod(methodOf(path))).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });
});

test.each([
  ['/orders/7', 'orders/7'],
  ['/', ''],
  ['/a%20b', 'a b'],
  ['/caf%C3%A9', 'café'],
  ['/a%2Fb%25%3F%23', 'a%2Fb%25%3F%23'],
])('the method of %s is %j', (path, method) => {
  expect(methodOf(path)).toBe(method);
});
