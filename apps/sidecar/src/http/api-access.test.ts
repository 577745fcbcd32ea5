import { expect, test } from 'vitest';

import { isApiAllowed, isMethodAllowed } from './api-access.ts';

const state = { api: { name: 'state', version: 'v1' }, pattern: '/v1.0/state/{store}' };
const query = { api: { name: 'state', version: 'v1alpha1' }, pattern: '/v1.0-alpha1/state/{store}/query' };
const health = { api: { name: 'healthz', version: 'v1' }, pattern: '/v1.0/healthz', healthCheck: true } as const;
const rule = (name: string, version: string, protocol: '' | 'http' | 'grpc' = '') => ({ name, version, protocol });

test('without rules everything is open', () => {
  expect(isApiAllowed(state, { allowed: [], denied: [] })).toBe(true);
});

test('a list of allowed APIs closes the others', () => {
  const access = { allowed: [rule('state', 'v1')], denied: [] };
  expect([state, query, health].map((route) => isApiAllowed(route, access))).toEqual([true, false, true]);
});

test('a denial wins, and does not reach health checks', () => {
  const access = { allowed: [rule('state', 'v1')], denied: [rule('state', 'v1'), rule('healthz', 'v1')] };
  expect([state, health].map((route) => isApiAllowed(route, access))).toEqual([false, true]);
});

test('the older form names a path', () => {
  expect([state, query].map((route) => isApiAllowed(route, { allowed: [rule('state', 'v1.0')], denied: [] }))).toEqual([
    true,
    false,
  ]);
});

test('rules for gRPC do not count', () => {
  expect(isApiAllowed(state, { allowed: [], denied: [rule('state', 'v1', 'grpc')] })).toBe(true);
});

test('rules for gRPC, and those for both, rule methods', () => {
  const access = {
    allowed: [rule('state', 'v1', 'grpc'), rule('lock', 'v1alpha1')],
    denied: [rule('state', 'v1', 'http')],
  };
  const apis = [
    { name: 'state', version: 'v1' },
    { name: 'lock', version: 'v1alpha1' },
    { name: 'state', version: 'v1alpha1' },
  ];
  expect(apis.map((api) => isMethodAllowed(api, access))).toEqual([true, true, false]);
  expect(isMethodAllowed(state.api, { allowed: [], denied: [rule('state', 'v1')] })).toBe(false);
});

test('both spellings of a version hold over both protocols', () => {
  for (const [one, other] of [
    ['v1', 'v1.0'],
    ['v1alpha1', 'v1.0-alpha1'],
  ] as const) {
    const api = { name: 'state', version: one };
    const route = { api, pattern: `/${other}/state/{store}` };
    for (const version of [one, other]) {
      const denied = { allowed: [], denied: [rule('state', version)] };
      expect([isApiAllowed(route, denied), isMethodAllowed(api, denied)], version).toEqual([false, false]);
      const allowed = { allowed: [rule('state', version, 'http'), rule('state', version, 'grpc')], denied: [] };
      expect([isApiAllowed(route, allowed), isMethodAllowed(api, allowed)], version).toEqual([true, true]);
    }
  }
  expect(isMethodAllowed(query.api, { allowed: [], denied: [rule('state', 'v1.0')] })).toBe(true);
});
