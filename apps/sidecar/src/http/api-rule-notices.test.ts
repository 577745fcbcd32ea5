import { silentLogger } from '@outrigger/core';
import { createRuntime } from '@outrigger/runtime';
import { expect, onTestFinished, test } from 'vitest';

import { grpcApi } from '../process/grpc-api.ts';
import { httpApi } from '../process/http-api.ts';
import { apiRuleNotices } from './api-rule-notices.ts';

type Rule = Parameters<typeof apiRuleNotices>[0]['allowed'][number];
const routes = [{ pattern: '/v1.0/state/{store}' }];
const rule = (name: string, version: string, protocol: Rule['protocol'] = ''): Rule => ({ name, version, protocol });
const notices = (...denied: Rule[]) => apiRuleNotices({ allowed: [], denied }, routes);

test('rules that name an API are fine, in either spelling', () => {
  expect(notices(rule('state', 'v1'), rule('state', 'v1.0', 'grpc'), rule('workflows', 'v1.0-beta1'))).toEqual([]);
  expect(notices(rule('healthz', 'v1', 'http'), rule('subscribe', 'v1alpha1'))).toEqual([]);
});

test('a rule that names no API is told with its place and what there is', () => {
  expect(notices({ ...rule('stat', 'v1'), file: 'config.yaml', line: 9 })).toEqual([
    expect.stringMatching(
      /^config\.yaml:9: spec\.api\.denied: the rule matches nothing: there is no API "stat"; did you mean state\? \(there are actors, bindings, /,
    ),
  ]);
  expect(apiRuleNotices({ allowed: [rule('constructor', 'v1')], denied: [] }, routes)).toEqual([
    expect.stringMatching(/^spec\.api\.allowed: the rule matches nothing: there is no API "constructor" \(there are/),
  ]);
});

test('a rule with a version that its API does not have, or with none, is told the versions', () => {
  const versions = 'v1 (as in paths: v1.0) or v1alpha1 (as in paths: v1.0-alpha1)';
  expect(notices(rule('state', 'v2'), rule('state', ''))).toEqual([
    `spec.api.denied: the rule matches nothing: the API state has no version "v2": ${versions}`,
    `spec.api.denied: the rule matches nothing: its version is missing: ${versions}`,
  ]);
});

test('a rule for a protocol that the API is not there over is told', () => {
  expect(notices(rule('healthz', 'v1', 'grpc'), rule('subscribe', 'v1alpha1', 'http'))).toEqual([
    'spec.api.denied: the rule matches nothing: the API healthz is there over http alone',
    'spec.api.denied: the rule matches nothing: the API subscribe is there over grpc alone',
  ]);
});

test('the beginning of a path is no rule for gRPC', () => {
  expect(notices(rule('state/', 'v1.0', 'http'))).toEqual([]);
  expect(notices(rule('state/', 'v1.0'))).toEqual([
    expect.stringContaining('the rule holds over HTTP alone, since it names the beginning of a path'),
  ]);
  expect(notices(rule('state/', 'v1.0', 'grpc'))).toEqual([expect.stringContaining('the rule matches nothing, since')]);
});

test('every API that is served can be named', async () => {
  const runtime = await createRuntime({ appId: 'orders', logger: silentLogger, env: {} });
  onTestFinished(() => runtime[Symbol.asyncDispose]());
  const api = {
    runtime,
    metadata: { runtime, runtimeVersion: '1.18.0', extended: new Map() },
    health: { appId: 'orders', notReady: () => [], components: () => [], isOutboundReady: () => true },
    control: { shutdown: () => {}, exitNow: () => {} },
  };
  const http = httpApi(api).routes.map((route) => ({ ...route.api, protocol: 'http' as const }));
  const methods = grpcApi(api).flatMap((service) => service.methods);
  const grpc = methods.flatMap((method) => (method.api ? [{ ...method.api, protocol: 'grpc' as const }] : []));
  expect(grpc).not.toEqual([]);
  expect(apiRuleNotices({ allowed: http, denied: grpc }, [])).toEqual([]);
});
