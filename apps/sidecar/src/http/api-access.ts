import type { ApiRule } from '@outrigger/runtime';

import type { Route } from './route.ts';

/** `spec.api` of a Configuration. */
export interface ApiAccess {
  readonly allowed: readonly ApiRule[];
  readonly denied: readonly ApiRule[];
}

type Subject = Pick<Route, 'api' | 'healthCheck' | 'pattern'>;

/** Whether Configuration leaves a route open over HTTP. Health checks always are; a denial wins over a permission. */
export function isApiAllowed(route: Subject, access: ApiAccess): boolean {
  if (route.healthCheck) return true;
  return isAllowed(access, 'http', (rule) => names(rule, route.api) || beginsPath(rule, route.pattern));
}

/** Whether Configuration leaves a method of the gRPC API open. A denial wins over a permission. */
export function isMethodAllowed(api: Subject['api'], access: ApiAccess): boolean {
  return isAllowed(access, 'grpc', (rule) => names(rule, api));
}

/** A version as a group of APIs has it: `v1.0` of a path is `v1`, and `v1.0-alpha1` is `v1alpha1`. */
export function groupVersion(version: string): string {
  return version.replace(/^(v\d+)\.0(?=-|$)/, '$1').replace('-', '');
}

/** The older form of rules for HTTP: version and name are the beginning of a path, as it is written. */
export function beginsPath({ name, version }: ApiRule, pattern: string): boolean {
  return pattern.slice(1).startsWith(`${version}/${name}`);
}

function names(rule: ApiRule, { name, version }: Subject['api']): boolean {
  return rule.name === name && groupVersion(rule.version) === version;
}

function isAllowed(
  { allowed, denied }: ApiAccess,
  protocol: 'http' | 'grpc',
  matches: (rule: ApiRule) => boolean,
): boolean {
  const holds = (rule: ApiRule): boolean => rule.protocol === protocol || rule.protocol === '';
  const permissions = allowed.filter(holds);
  return (
    !denied.some((rule) => holds(rule) && matches(rule)) && (permissions.length === 0 || permissions.some(matches))
  );
}
