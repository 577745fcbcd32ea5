import { expect, test } from 'vitest';

import { type MetricLabels, noMetrics } from '../metrics.ts';
import { AccessControl } from './access-control.ts';
import type { AccessControlSpec, CallerPolicySpec } from './access-control-spec.ts';

const shop = { trustDomain: 'public', namespace: 'default', appId: 'shop' };

function policy(given: Partial<CallerPolicySpec>): AccessControlSpec {
  return { defaultAction: 'deny', trustDomain: 'public', policies: [{ ...shop, operations: [], ...given }] };
}

function control(spec: AccessControlSpec) {
  const counted: [string, MetricLabels | undefined][] = [];
  const metrics = { ...noMetrics, count: (name: string, labels?: MetricLabels) => void counted.push([name, labels]) };
  const access = new AccessControl(spec, metrics);
  const may = (operation: string, verb = 'GET', caller: typeof shop | null = shop) =>
    access.refusal({ caller: caller ?? undefined, operation, verb, isGrpc: false }) === undefined;
  return { access, counted, may };
}

const get = ['GET'];
const allow = (name: string, httpVerb: readonly string[] = ['*']) => ({ name, httpVerb, action: 'allow' }) as const;
const deny = (name: string, httpVerb: readonly string[] = ['*']) => ({ name, httpVerb, action: 'deny' }) as const;

test('who has no policy, or is of another namespace or trust domain, gets the default', () => {
  const { may } = control(policy({ operations: [allow('/**')] }));
  expect(may('/a')).toBe(true);
  expect(may('/a', 'GET', null)).toBe(false);
  expect(may('/a', 'GET', { ...shop, appId: 'other' })).toBe(false);
  expect(may('/a', 'GET', { ...shop, namespace: 'staging' })).toBe(false);
  expect(may('/a', 'GET', { ...shop, trustDomain: 'elsewhere' })).toBe(false);
});

test('verbs count, the named before *; for others the default of the app counts, then that for everybody', () => {
  const own = control(policy({ defaultAction: 'allow', operations: [deny('/a', get)] }));
  expect([own.may('/a'), own.may('/a', 'POST'), own.may('/b')]).toEqual([false, true, true]);
  const none = control(policy({ operations: [allow('/a', get)] }));
  expect([none.may('/a'), none.may('/a', 'POST'), none.may('/b')]).toEqual([true, false, false]);
});

test('paths of HTTP apps match in any case, names of gRPC methods only as they are', () => {
  const { access, may } = control(policy({ operations: [allow('/Orders'), allow('/pkg.Shop/Buy')] }));
  expect([may('/orders'), may('/ORDERS')]).toEqual([true, true]);
  const grpc = (operation: string) => access.refusal({ caller: shop, operation, isGrpc: true });
  expect(grpc('/pkg.Shop/Buy')).toBeUndefined();
  expect(grpc('/pkg.shop/buy')).toBe(
    'access control policy has denied access to appid: shop operation: /pkg.shop/buy verb: NONE',
  );
});

test('a gRPC method with dot segments or empty ones is refused', () => {
  const { access } = control(policy({ defaultAction: 'allow', operations: [allow('/pkg.Shop/Buy')] }));
  const refused = (operation: string) => access.refusal({ caller: shop, operation, isGrpc: true }) !== undefined;
  expect(['/pkg.Shop/Buy', '/pkg.Shop/Buy/..', '//pkg.Shop/Buy', '/pkg.Shop/Buy/'].map(refused)).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test('a call without a verb gets what is the default for the app, whatever * says', () => {
  expect(control(policy({ operations: [allow('/a')] })).may('/a', '')).toBe(false);
  expect(control(policy({ defaultAction: 'allow', operations: [deny('/a')] })).may('/a', '')).toBe(true);
});

test.each([
  '/public/..;/admin',
  '/public/..%2Fadmin',
  '/public/..%5Cadmin',
  String.raw`/public/..\admin`,
  '/public/%EF%BC%8E%EF%BC%8E/admin',
  '/public/%E2%80%A5/admin',
  '/public/%C0%AE%C0%AE/admin',
  '/public/a%00',
])('%s, which some apps read as another path, is no way out of what is allowed', (path) => {
  expect(control(policy({ operations: [allow('/public/**')] })).may(path)).toBe(false);
});

test.each([
  '/admin;x=1',
  '/admin.',
  '/adm%69n',
  '/admin%2Fx',
  '/%61dmin%3Fx',
  String.raw`/admin\x`,
  '/%EF%BD%81dmin',
  '/ADMIN/x',
])('%s, which some apps read as /admin, is refused where that is', (path) => {
  const { may } = control({ ...policy({ operations: [deny('/admin')] }), defaultAction: 'allow' });
  expect(may('/x')).toBe(true);
  expect(may(path)).toBe(false);
});

test('escapes that nobody reads in two ways are taken as they are', () => {
  const { may } = control(policy({ operations: [allow('/caf\u00E9/*')] }));
  expect(may('/caf%C3%A9/x%20y')).toBe(true);
  expect(may('/cafe%CC%81/x')).toBe(true);
});

test('each decision is counted with who called, and refusals say who, what and how', () => {
  const { access, counted } = control(policy({ defaultAction: 'deny', operations: [allow('/a')] }));
  access.refusal({ caller: shop, operation: '/a', verb: 'GET', isGrpc: false });
  expect(access.refusal({ caller: shop, operation: '/b', verb: 'PUT', isGrpc: false })).toBe(
    'access control policy has denied access to appid: shop operation: b verb: PUT',
  );
  access.refusal({ caller: undefined, operation: '/b', verb: 'PUT', isGrpc: false });
  const labels = { src_app_id: 'shop', trust_domain: 'public', namespace: 'default' };
  expect(counted).toEqual([
    ['dapr_runtime_acl_app_policy_action_allowed_total', labels],
    ['dapr_runtime_acl_app_policy_action_blocked_total', labels],
    ['dapr_runtime_acl_global_policy_action_blocked_total', { src_app_id: '', trust_domain: '', namespace: '' }],
  ]);
});

test.each(['/%61dmin/users', '/admin;x/users', '/admin%2Fusers/x', String.raw`/x\..\admin`, '/admin./users'])(
  '%s is no method of gRPC, whoever hands it on',
  (operation) => {
    const { access } = control({ ...policy({ operations: [deny('/admin/**')] }), defaultAction: 'allow' });
    expect(access.refusal({ caller: shop, operation: '/pkg.Shop/Buy', isGrpc: true })).toBeUndefined();
    expect(access.refusal({ caller: shop, operation, isGrpc: true })).toBeDefined();
  },
);

test('where an app takes gRPC and HTTP on one port, a call that is handed on passes the rules of both', () => {
  const { access } = control({
    ...policy({
      operations: [
        deny('/admin/**'),
        { ...allow('/orders'), httpVerb: ['GET'] },
        deny('/orders'),
        allow('/pkg.Shop/*'),
      ],
    }),
    defaultAction: 'allow',
  });
  const isRefused = (operation: string, isHttpToo: boolean): boolean =>
    access.refusal({ caller: shop, operation, isGrpc: true, isHttpToo }) !== undefined;
  expect([isRefused('/Admin/users', false), isRefused('/Admin/users', true)]).toEqual([false, true]);
  expect(isRefused('/pkg.Shop/Buy', true)).toBe(false);
  expect(isRefused('/pkg.Other/Buy', true)).toBe(false);
});
