import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

it('a component of somebody else, which depends on core alone, is found and used', async () => {
  using workspace = new Workspace();
  // a project of its own: its node_modules holds the component and core, nothing else of ours
  const modules = join(workspace.path, 'node_modules');
  const component = fileURLToPath(new URL('../examples/third-party-component', import.meta.url));
  const core = fileURLToPath(new URL('../packages/core', import.meta.url));
  mkdirSync(join(modules, '@outrigger'), { recursive: true });
  symlinkSync(core, join(modules, '@outrigger', 'core'));
  cpSync(component, join(modules, 'third-party-component'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  workspace.file('package.json', '{ "name": "theirs", "private": true }');
  mkdirSync(join(workspace.path, 'resources'));
  workspace.file(
    'resources/store.yaml',
    `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store}
spec:
  type: state.jsonfile
  version: v1
  metadata: [{name: path, value: ${join(workspace.path, 'store.json')}}]
`,
  );
  await using sidecar = await Sidecar.start({
    appId: 'theirs',
    resourcesPath: join(workspace.path, 'resources'),
    cwd: workspace.path,
  });
  expect((await sidecar.post('/v1.0/state/store', [{ key: 'k', value: { v: 1 } }])).status).toBe(204);
  expect(await (await sidecar.fetch('/v1.0/state/store/k')).json()).toEqual({ v: 1 });
});
