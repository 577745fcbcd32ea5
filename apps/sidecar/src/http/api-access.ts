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
  const allowed = httpRules(access.allowed);
  return !matches(route, httpRules(access.denied)) && (allowed.length === 0 || matches(route, allowed));
}

function httpRules(rules: readonly ApiRule[]): readonly string[] {
  return rules.filter(({ protocol }) => protocol !== 'grpc').map(({ name, version }) => `${version}/${name}`);
}

/** By group (`v1/state`), or in the older form by the beginning of the path (`v1.0/state`). */
function matches({ api, pattern }: Subject, rules: readonly string[]): boolean {
  return rules.some((rule) => rule === `${api.version}/${api.name}` || pattern.slice(1).startsWith(rule));
}
