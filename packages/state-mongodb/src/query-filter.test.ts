import { expect, it } from 'vitest';
import { mongoFilter, mongoSort, skipOf } from './query-filter.ts';
import { keysFrom, keysLike, like } from './regex.ts';

it('a query becomes a filter on the value', () => {
  expect(
    mongoFilter({
      op: 'OR',
      filters: [
        { op: 'IN', key: 'a.b', values: ['x', 1] },
        { op: 'AND', filters: [{ op: 'NEQ', key: 'c', value: '$where' }] },
      ],
    }),
  ).toEqual({ $or: [{ 'value.a.b': { $in: ['x', 1] } }, { $and: [{ 'value.c': { $ne: '$where' } }] }] });
});

it.each(['$where', 'a.$gt', '', 'a..b', '.', 'a\0'])('the path %j is refused', (key) => {
  expect(() => mongoFilter({ op: 'EQ', key, value: 1 })).toThrow('is no path');
  expect(() => mongoSort([{ key, order: 'ASC' }])).toThrow('is no path');
});

it('pages are ordered by the key at last, and their token is a number', () => {
  expect(mongoSort([{ key: 'a', order: 'DESC' }])).toEqual({ 'value.a': -1, _id: 1 });
  expect(skipOf('12')).toBe(12);
  expect(() => skipOf('-1')).toThrow('page.token');
});

it('nothing of a text means anything in a regular expression', () => {
  const odd = 'a.b||c[d]\\E$^(x)*\n\0_%';
  expect(new RegExp(like(`${odd.replace(/[\\%_]/g, '\\$&')}%`), 'u').test(`${odd}rest`)).toBe(true);
  expect(new RegExp(like('a%_'), 'u').test('a\n😀')).toBe(true);
  expect(new RegExp(like('a_'), 'u').test('ab\n')).toBe(false);
  expect(new RegExp(like('a\\%'), 'u').test('a%')).toBe(true);
});

it.each([
  ['app||', { $gte: 'app||', $lt: 'app|}' }],
  ['a\u{d7ff}', { $gte: 'a\u{d7ff}', $lt: 'a\u{e000}' }],
  ['a\u{10ffff}', { $gte: 'a\u{10ffff}', $lt: 'b' }],
  ['\u{10ffff}', { $gte: '\u{10ffff}' }],
])('keys that begin with %j lie between bounds', (prefix, bounds) => {
  expect(keysFrom(prefix)).toEqual(bounds);
});

it.each([
  ['a||b', { $eq: 'a||b' }],
  [String.raw`a\%b%c`, { $gte: 'a%b', $lt: 'a%c' }],
  ['%c', { $gte: '' }],
  ['a_', { $gte: 'a', $lt: 'b' }],
])('the bounds of keys like %j', (pattern, bounds) => {
  expect(keysLike(pattern)).toEqual(bounds);
});
