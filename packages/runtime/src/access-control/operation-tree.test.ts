import { expect, test } from 'vitest';

import { OperationTree } from './operation-tree.ts';

function found(patterns: readonly string[], path: string): string | undefined {
  const tree = new OperationTree<string>();
  for (const pattern of patterns) tree.add(pattern, pattern);
  return tree.find(path);
}

test.each([
  ['/a', '/a', true],
  ['/a', '/a/b', true],
  ['/a', '/ab', false],
  ['/a/b', '/a', false],
  ['/op*', '/op', true],
  ['/op*', '/operation', true],
  ['/op*', '/operation/x', true],
  ['/op*', '/xop', false],
  ['/*op*e', '/aopbe', true],
  ['/*op*e', '/aopbex', false],
  ['/a/*', '/a/b', true],
  ['/a/*', '/a', true],
  ['/a/*', '/a/b/c', false],
  ['/a/**', '/a/b', true],
  ['/a/**', '/a/b/c', true],
  ['/a/**', '/a', true],
  ['/*', '/a', true],
  ['/*', '/a/b', false],
  ['/**', '/a/b', true],
  ['/100%_*', '/100%_x', true],
  ['/100%_*', '/100ab', false],
  ['/a/*/c', '/a/b/c', false],
])('%s on %s: %s', (pattern, path, isFound) => {
  expect(found([pattern], path)).toBe(isFound ? pattern : undefined);
});

test('the first that matches decides, not the one that says it best', () => {
  expect(found(['/a/*', '/a/b'], '/a/b')).toBe('/a/*');
  expect(found(['/a/b', '/a/*'], '/a/b')).toBe('/a/b');
  expect(found(['/a*/x', '/ab/y'], '/ab/y')).toBeUndefined();
});

test('what was said first of an operation stays', () => {
  const tree = new OperationTree<number>();
  tree.add('/a', 1);
  tree.add('/a', 2);
  expect(tree.find('/a')).toBe(1);
});

test('a pattern of many stars takes no time to speak of', () => {
  const begin = performance.now();
  expect(found([`/${'a*'.repeat(50)}b`], `/${'a'.repeat(5000)}`)).toBeUndefined();
  expect(performance.now() - begin).toBeLessThan(2000);
});
