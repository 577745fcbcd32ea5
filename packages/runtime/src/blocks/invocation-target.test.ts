import { expect, test } from 'vitest';

import { parseTarget } from './invocation-target.ts';

const endpoints = new Map([
  ['shop', 'the shop'],
  ['shop.example', 'the shop with a dot'],
]);

test.each([
  ['inventory', { kind: 'app', appId: 'inventory', namespace: 'own' }],
  ['inventory.staging', { kind: 'app', appId: 'inventory', namespace: 'staging' }],
  ['shop', { kind: 'endpoint', endpoint: 'the shop' }],
  ['shop.example', { kind: 'endpoint', endpoint: 'the shop with a dot' }],
  ['http://127.0.0.1:8080', { kind: 'url', url: 'http://127.0.0.1:8080' }],
  ['HTTPS://example.com/base', { kind: 'url', url: 'HTTPS://example.com/base' }],
])('%s is understood', (target, expected) => {
  expect(parseTarget(target, 'own', endpoints)).toEqual(expected);
});

test.each([
  ['', 'app id is empty'],
  ['a.b.c', 'invalid app id a.b.c'],
  ['.b', 'invalid app id .b'],
  ['a.', 'invalid app id a.'],
  ['http://', 'invalid URL http://'],
])('%j is none: %s', (target, reason) => {
  expect(() => parseTarget(target, 'own', endpoints)).toThrow(reason);
});
