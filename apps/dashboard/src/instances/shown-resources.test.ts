import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { readShownResources } from './shown-resources.ts';

test('shows policies and configuration that are for the app, without what may be a secret, and says what it cannot read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-shown-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const resources = join(folder, 'resources');
  mkdirSync(resources);
  writeFileSync(
    join(resources, 'all.yaml'),
    [
      'kind: Resiliency\nmetadata: {name: mine}\nscopes: [orders]\nspec: {policies: {timeouts: {t: 5s}}}',
      'kind: Resiliency\nmetadata: {name: other}\nscopes: [stock]\nspec: {}',
      'kind: Component\nmetadata: {name: store}\nspec: {metadata: [{name: anything, value: s3cret-1}]}',
    ].join('\n---\n'),
  );
  writeFileSync(join(resources, 'bad.yaml'), 'kind: [');
  const config = join(folder, 'config.yaml');
  writeFileSync(
    config,
    'kind: Configuration\nmetadata: {name: c}\nspec: {nameResolution: {configuration: {connectionString: s3cret-2, url: "http://u:s3cret-3@host/x"}}, otel: {headers: [{apiKey: s3cret-4}]}}',
  );
  const paths = { appId: 'orders', resourcesPaths: [resources, join(folder, 'none')], configPaths: [config] };
  const shown = await readShownResources(paths);
  expect(shown.resources.map(({ kind, name }) => [kind, name])).toEqual([
    ['Configuration', 'c'],
    ['Resiliency', 'mine'],
  ]);
  expect(shown.resources[1]?.spec).toEqual({ policies: { timeouts: { t: '5s' } } });
  expect(JSON.stringify(shown)).not.toContain('s3cret');
  expect(JSON.stringify(shown)).toContain('http://…@host/x');
  expect(shown.problems).toEqual([expect.stringContaining('none'), expect.stringContaining('bad.yaml')]);
});
