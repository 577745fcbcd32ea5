import { expect, test } from 'vitest';

import { queryMetadata, queryValues } from './query.ts';

test('values come in order, unescaped', () => {
  expect(queryValues('key=a&x=1&key=b+c%21&key', 'key')).toEqual(['a', 'b c!', '']);
  expect(queryValues('', 'key')).toEqual([]);
  expect(queryValues('k%65y=a', 'key')).toEqual(['a']);
});

test('metadata keeps the case of its keys and the first value', () => {
  expect(queryMetadata('metadata.ttlInSeconds=5&metadata.A=1&metadata.A=2&other=3&metadata.=x')).toEqual({
    ttlInSeconds: '5',
    A: '1',
    '': 'x',
  });
  expect(queryMetadata('metadata%2Ea=1')).toEqual({ a: '1' });
  expect(queryMetadata('metadata.__proto__=1')).toEqual(Object.fromEntries([['__proto__', '1']]));
});

test('what cannot be unescaped is left out', () => {
  expect(queryMetadata('metadata.a=%zz&metadata.b=1')).toEqual({ b: '1' });
  expect(queryValues('&&=x&a', 'a')).toEqual(['']);
});
