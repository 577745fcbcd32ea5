import { expect, it } from 'vitest';
import { likeMatcher, parseLike } from './like.ts';

it.each([
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['a%', 'a', true],
  ['a%c', 'abbbc', true],
  ['a%c', 'abbbcd', false],
  ['%b%', 'abc', true],
  ['a_c', 'abc', true],
  ['a_c', 'ac', false],
  ['a_c', 'a😀c', true],
  ['_', '', false],
  ['%', '', true],
  ['100\\%', '100%', true],
  ['100\\%', '1000', false],
  ['a\\_b', 'a_b', true],
  ['a\\_b', 'axb', false],
  ['a\\\\b', 'a\\b', true],
  ['a\\', 'a\\', true],
  ['A', 'a', false],
  ['a\n%', 'a\nb', true],
  ['a.*', 'abc', false],
  ['%ab%ab%', 'xabyabz', true],
  ['%ab%ab%', 'xabz', false],
])('LIKE %j on %j is %j', (pattern, text, matches) => {
  expect(likeMatcher(pattern)(text)).toBe(matches);
});

it('stays quick on patterns that make a regular expression explode', () => {
  const started = performance.now();
  expect(likeMatcher('%a'.repeat(30) + 'b')('a'.repeat(3000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});

it('refuses an empty pattern', () => {
  expect(() => parseLike('')).toThrow('the pattern is empty');
});
