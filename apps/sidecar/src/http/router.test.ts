import { expect, test } from 'vitest';

import type { Route } from './route.ts';
import { Router } from './router.ts';

const api = { name: 'x', version: 'v1' };
const route = (methods: string[], pattern: string): Route => ({ methods, pattern, api, handle: () => {} });

const router = new Router([
  route(['GET', 'DELETE'], '/v1.0/state/{store}/{key}'),
  route(['POST'], '/v1.0/state/{store}'),
  route(['POST'], '/v1.0/state/{store}/bulk'),
  route(['GET'], '/v1.0/secrets/{store}/{key}'),
  route(['GET'], '/v1.0/secrets/{store}/bulk'),
  route(['POST'], '/v1.0/publish/{pubsub}/{topic…}'),
  route(['POST'], '/v1.0/publish/bulk/{pubsub}/{topic…}'),
  route(['GET'], '/'),
]);

test.each([
  ['GET', '/v1.0/state/s/k', '/v1.0/state/{store}/{key}', ['s', 'k']],
  ['POST', '/v1.0/state/s/bulk', '/v1.0/state/{store}/bulk', ['s']],
  ['GET', '/v1.0/state/s/bulk', '/v1.0/state/{store}/{key}', ['s', 'bulk']],
  ['GET', '/v1.0/secrets/s/bulk', '/v1.0/secrets/{store}/bulk', ['s']],
  ['POST', '/v1.0/publish/p/a/b/c', '/v1.0/publish/{pubsub}/{topic…}', ['p', 'a/b/c']],
  ['POST', '/v1.0/publish/bulk/p/t', '/v1.0/publish/bulk/{pubsub}/{topic…}', ['p', 't']],
  ['POST', '/v1.0/publish/bulk/t', '/v1.0/publish/{pubsub}/{topic…}', ['bulk', 't']],
  ['GET', '/', '/', []],
])('%s %s goes to %s', (method, path, pattern, params) => {
  const found: string[] = [];
  expect(router.find(method, path, found)?.pattern).toBe(pattern);
  expect(found).toEqual(params);
});

test.each([
  ['PATCH', '/v1.0/state/s/k'],
  ['GET', '/v1.0/state/s'],
  ['GET', '/v1.0/state/s/k/more'],
  ['POST', '/v1.0/publish/p'],
  ['POST', '/v1.0/publish'],
  ['GET', '/v1.0'],
  ['GET', '/else'],
])('%s %s goes nowhere', (method, path) => {
  const found: string[] = [];
  expect(router.find(method, path, found)).toBeUndefined();
});

test('two routes for the same calls are a mistake', () => {
  expect(() => new Router([route(['GET'], '/a/{b}'), route(['GET'], '/a/{c}')])).toThrow('two routes for GET /a/{c}');
});
