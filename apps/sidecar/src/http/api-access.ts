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
  const { api, pattern } = route;
  const group = `${api.version}/${api.name}`;
  return isAllowed(access, 'http', (rule) => rule === group || pattern.slice(1).startsWith(rule));
}

/** Whether Configuration leaves a method of the gRPC API open. A denial wins over a permission. */
export function isMethodAllowed({ name, version }: Subject['api'], access: ApiAccess): boolean {
  return isAllowed(access, 'grpc', (rule) => rule === `${version}/${name}`);
}

/** @param matches takes a rule as `version/name`; in the older form of HTTP that is the beginning of a path */
function isAllowed(
  { allowed, denied }: ApiAccess,
  protocol: 'http' | 'grpc',
  matches: (rule: string) => boolean,
): boolean {
  const rulesOf = (rules: readonly ApiRule[]): string[] =>
    rules
      .filter((rule) => rule.protocol === protocol || rule.protocol === '')
      .map(({ name, version }) => `${version}/${name}`);
  const permissions = rulesOf(allowed);
  return !rulesOf(denied).some(matches) && (permissions.length === 0 || permissions.some(matches));
}
