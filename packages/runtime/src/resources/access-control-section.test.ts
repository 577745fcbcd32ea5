import { silentLogger } from '@outrigger/core';
import { expect, test } from 'vitest';

import { Folder } from '../../test/folder.ts';
import { loadConfiguration } from './load-configuration.ts';
import { describeProblem, Problems } from './problems.ts';

async function load(section: string) {
  using folder = new Folder();
  const head =
    'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: config\nspec:\n  accessControl:\n';
  const file = folder.file('c.yaml', head + section);
  const problems = new Problems();
  const { accessControl } = await loadConfiguration({ files: [file], env: {}, problems, logger: silentLogger });
  const shown = (list: typeof problems.errors) =>
    list.map((one) => describeProblem(one).replace(`${folder.path}/`, ''));
  return { accessControl, errors: shown(problems.errors), warnings: shown(problems.warnings) };
}

test('policies are read with their defaults', async () => {
  const { accessControl, errors } = await load(`    defaultAction: Deny
    policies:
    - appId: shop
      namespace: default
      trustDomain: public
      operations:
      - {name: /orders, httpVerb: [get, '*'], action: allow}
`);
  expect(errors).toEqual([]);
  expect(accessControl).toEqual({
    defaultAction: 'deny',
    trustDomain: 'public',
    policies: [
      {
        appId: 'shop',
        namespace: 'default',
        trustDomain: 'public',
        operations: [{ name: '/orders', httpVerb: ['GET', '*'], action: 'allow' }],
      },
    ],
  });
});

test('a section that says nothing is none, and policies without a default mean that the rest is refused', async () => {
  expect((await load('    policies: []\n')).accessControl).toBeUndefined();
  const { accessControl, warnings } = await load(
    '    policies: [{appId: shop, namespace: default, trustDomain: public}]\n',
  );
  expect(accessControl).toMatchObject({ defaultAction: 'deny' });
  expect(warnings).toEqual([expect.stringMatching(/^c\.yaml:\d+.*defaultAction is missing/)]);
});

test('a trust domain alone, which names who this app is, lets nobody call it, which is said', async () => {
  const { accessControl, warnings } = await load('    trustDomain: acme\n');
  expect(accessControl).toEqual({ defaultAction: 'deny', trustDomain: 'acme', policies: [] });
  expect(warnings).toHaveLength(1);
});

test('what is missing or cannot be is named with its line', async () => {
  const { errors, warnings } = await load(`    defaultAction: deny
    policies:
    - appId: shop
      operations:
      - {name: '/a?b', action: maybe}
    - {appId: a, namespace: n, trustDomain: t}
    - {appId: a, namespace: n, trustDomain: t}
`);
  expect(errors).toEqual([
    expect.stringMatching(/^c\.yaml:\d+.*trustDomain is missing/),
    expect.stringMatching(/^c\.yaml:\d+.*namespace is missing/),
    expect.stringMatching(/^c\.yaml:\d+.*action must be one of "allow", "deny"/),
    expect.stringMatching(/^c\.yaml:\d+.*"\/a\?b" can match no path/),
  ]);
  expect(warnings.join('\n')).toContain('has several policies, of which only the last counts');
});
