import { expect, test } from 'vitest';

import { HttpLabels } from './http-labels.ts';
import { metricsSettings } from './metrics-settings.ts';
import { pathMatcher } from './path-matching.ts';

const settingsOf = (metrics: unknown, metric?: unknown) => metricsSettings({ sections: { metrics, metric } });
const api = { name: 'state', version: 'v1' };
const getState = { methods: ['GET'], pattern: '', api, operation: 'GetState', handle: () => {} };
const defaults = { increasedCardinality: true, excludeVerbs: false, pathMatching: [] };

test('without a section metrics are on, by path and with the usual buckets', () => {
  expect(settingsOf(undefined)).toEqual({
    enabled: true,
    recordErrorCodes: false,
    latencyBuckets: undefined,
    rewrite: undefined,
    http: defaults,
  });
});

test('both names of the section count, the newer one first', () => {
  const { enabled, http } = settingsOf(
    { http: { excludeVerbs: true } },
    { enabled: false, http: { excludeVerbs: false } },
  );
  expect([enabled, http.excludeVerbs]).toEqual([false, true]);
});

test.each([
  [{ enabled: 'no' }, "the Configuration's spec.metrics.enabled has to be true or false"],
  [{ http: { pathMatching: '/a' } }, "the Configuration's spec.metrics.http.pathMatching has to be a list of texts"],
  [{ latencyDistributionBuckets: [5, 1] }, 'has to be a list of rising milliseconds'],
  [{ rules: [{ name: 'x', labels: [{ name: 'path', regex: { y: '(' } }] }] }, 'spec.metrics.rules [0]: '],
  [{ rules: [{ name: 'x' }] }, 'spec.metrics.rules [0]: each has to be {name: <metric>'],
])('%j is refused with what is wrong', (metrics, message) => {
  expect(() => settingsOf(metrics)).toThrow(message);
});

test('a rule rewrites one label of one metric, named with or without its prefix', () => {
  const regex = { '/orders/{id}': '/orders/\\d+' };
  const { rewrite } = settingsOf({ rules: [{ name: 'http_server_latency', labels: [{ name: 'path', regex }] }] });
  expect(rewrite?.('dapr_http_server_latency', 'path', '/v1.0/orders/17')).toBe('/v1.0/orders/{id}');
  expect(rewrite?.('dapr_http_server_latency', 'method', '/orders/17')).toBe('/orders/17');
  expect(rewrite?.('dapr_http_client_latency', 'path', '/orders/17')).toBe('/orders/17');
});

test('paths are counted without the keys of state, or by the operation where there are to be few series', () => {
  const state = ['GET', '/v1.0/state/store/key', ['store', 'key'], getState] as const;
  const invoke = ['POST', '/v1.0/invoke/stock/method/a', ['stock', 'a'], undefined] as const;
  const many = new HttpLabels(defaults);
  expect(many.server(...state)).toEqual({ method: 'GET', path: '/v1.0/state/store' });
  expect(many.server(...invoke)).toEqual({ method: 'POST', path: '/v1.0/invoke/stock/method/a' });
  const few = new HttpLabels({ ...defaults, increasedCardinality: false });
  expect(few.server(...state)).toEqual({ method: 'GetState', path: undefined });
  expect(few.server(...invoke)).toEqual({ method: 'InvokeService/stock', path: undefined });
  expect(few.client('GET', '/a')).toEqual({ method: '', path: undefined });
  expect(new HttpLabels({ ...defaults, excludeVerbs: true }).server(...state).method).toBe('');
});

test('paths are counted under the pattern they fit, and those that fit none together', () => {
  const labels = new HttpLabels({ increasedCardinality: false, excludeVerbs: false, pathMatching: ['/orders/{id}'] });
  const invoked = labels.server('GET', '/v1.0/invoke/stock/method/orders/17', [], undefined);
  expect(invoked).toEqual({ method: 'GET', path: '/orders/{id}' });
  expect(labels.server('GET', '/v1.0/healthz', [], undefined).path).toBe('_');
  const match = pathMatcher(['/', '/orders/', '/orders/{id}', '/orders/open', '/files/{rest...}']);
  const paths = ['/x', '/orders', '/orders/1/items', '/orders/1', '/orders/open', '/files/a/b'];
  expect(paths.map(match)).toEqual(['/', '/orders/', '/orders/', '/orders/{id}', '/orders/open', '/files/{rest...}']);
});
