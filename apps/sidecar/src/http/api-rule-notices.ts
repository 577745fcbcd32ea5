import { nearestName } from '@outrigger/core';
import type { ApiRule } from '@outrigger/runtime';

import { type ApiAccess, beginsPath, groupVersion } from './api-access.ts';
import type { Route } from './route.ts';

/** What rules may name, by Dapr's documentation: also what belongs to building blocks that are not there yet. */
const versionsByName: Readonly<Record<string, readonly string[]>> = {
  actors: ['v1', 'v1alpha1'],
  bindings: ['v1'],
  configuration: ['v1', 'v1alpha1'],
  conversation: ['v1alpha1', 'v1alpha2'],
  crypto: ['v1alpha1'],
  healthz: ['v1'],
  invoke: ['v1'],
  jobs: ['v1', 'v1alpha1'],
  lock: ['v1alpha1'],
  metadata: ['v1'],
  publish: ['v1', 'v1alpha1'],
  secrets: ['v1'],
  shutdown: ['v1'],
  state: ['v1', 'v1alpha1'],
  subscribe: ['v1alpha1'],
  subtlecrypto: ['v1alpha1'],
  unlock: ['v1alpha1'],
  workflows: ['v1', 'v1alpha1', 'v1beta1'],
};
/** What one of the protocols alone has. */
const onlyOver: Readonly<Record<string, 'http' | 'grpc'>> = { healthz: 'http', subscribe: 'grpc' };

/** A line for each rule that does nothing, or not over both protocols although it is for both: where it stands, and what would be right. */
export function apiRuleNotices(access: ApiAccess, routes: readonly Pick<Route, 'pattern'>[]): readonly string[] {
  return (['allowed', 'denied'] as const).flatMap((list) =>
    access[list].flatMap((rule) => {
      const problem = problemOf(rule, routes);
      return problem === undefined ? [] : [`${placeOf(rule)}spec.api.${list}: ${problem}`];
    }),
  );
}

function problemOf(rule: ApiRule, routes: readonly Pick<Route, 'pattern'>[]): string | undefined {
  const { name, version, protocol } = rule;
  const versions = Object.hasOwn(versionsByName, name) ? versionsByName[name] : undefined;
  if (versions?.includes(groupVersion(version))) {
    const only = onlyOver[name];
    if (only === undefined || protocol === '' || protocol === only) return undefined;
    return `the rule matches nothing: the API ${name} is there over ${only} alone`;
  }
  const reason = versions === undefined ? unknownName(name) : unknownVersion(name, version, versions);
  if (!routes.some(({ pattern }) => beginsPath(rule, pattern))) return `the rule matches nothing: ${reason}`;
  if (protocol === 'http') return undefined;
  const lost = protocol === '' ? 'the rule holds over HTTP alone' : 'the rule matches nothing';
  return `${lost}, since it names the beginning of a path, which gRPC does not have: ${reason}`;
}

function unknownName(name: string): string {
  const known = Object.keys(versionsByName);
  const near = nearestName(name, known);
  return `there is no API "${name}"${near === undefined ? '' : `; did you mean ${near}?`} (there are ${known.join(', ')})`;
}

function unknownVersion(name: string, version: string, versions: readonly string[]): string {
  const wrong = version === '' ? 'its version is missing' : `the API ${name} has no version "${version}"`;
  return `${wrong}: ${versions.map(bothForms).join(' or ')}`;
}

/** `v1alpha1 (as in paths: v1.0-alpha1)`. */
function bothForms(version: string): string {
  const [, major = '', stage = ''] = /^(v\d+)(.*)$/.exec(version) ?? [];
  return `${version} (as in paths: ${major}.0${stage && `-${stage}`})`;
}

function placeOf({ file, line }: ApiRule): string {
  return file === undefined ? '' : `${file}:${line}: `;
}
