import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createNodesV2 } from './nx-targets.ts';
import { listPackages } from './packages.ts';

const [glob, createNodes] = createNodesV2;

test('every package that is published has a build', () => {
  const published = listPackages('.').filter(({ manifest }) => !manifest.private);
  const built = createNodes(globSync(glob)).flatMap(([, { projects }]) => Object.keys(projects));
  expect(built.toSorted()).toEqual(published.map(({ folder }) => folder));
});

test('a build waits for the packages it imports and is cached with its dist', () => {
  const [[, { projects }] = [undefined, { projects: {} }]] = createNodes(['packages/core/tsconfig.build.json']);
  expect(projects).toMatchObject({
    'packages/core': { targets: { build: { cache: true, dependsOn: ['^build'], outputs: ['{projectRoot}/dist'] } } },
  });
});
