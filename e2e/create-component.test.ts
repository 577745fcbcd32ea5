import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { packPackages } from '../tools/pack-packages.ts';
import { Sidecar } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

// What `npm create` and `npm install` of the generated package bring, as it would be published.
const creator = 'create-outrigger-component';
const libraries = ['@outrigger/core', '@outrigger/conformance', '@outrigger/component-docs'];

describe('a component made from the template, outside the repository', () => {
  const workspace = new Workspace();
  const folder = join(workspace.path, 'my-store');
  let tarballs = new Map<string, string>();
  const tarballOf = (name: string) => tarballs.get(name) ?? '';

  const npm = async (cwd: string, ...args: string[]) => {
    const { stdout } = await run('npm', args, { cwd, env: { ...process.env, npm_config_update_notifier: 'false' } });
    return stdout;
  };

  beforeAll(async () => {
    tarballs = packPackages(root, [creator, ...libraries], workspace.path);
    const install = ['install', '--no-audit', '--no-fund', '--prefer-offline'];
    workspace.file('package.json', '{ "name": "theirs", "private": true }');
    await npm(workspace.path, ...install, tarballOf(creator));
    await npm(workspace.path, 'exec', '--', 'create-outrigger-component', 'my-store', '--kind', 'state');
    // its package.json keeps the ranges that it was made with
    await npm(folder, ...install, '--no-save', ...libraries.map(tarballOf));
  }, 240_000);
  afterAll(() => workspace[Symbol.dispose]());

  it('type-checks, builds, and writes its table and schema', async () => {
    await npm(folder, 'run', 'typecheck');
    await npm(folder, 'run', 'docs');
    expect(existsSync(join(folder, 'dist', 'index.js'))).toBe(true);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('| `path` | text | **required** |');
    expect(JSON.parse(readFileSync(join(folder, 'schema', 'state.my-store.json'), 'utf8'))).toMatchObject({
      title: 'state.my-store/v1',
    });
    await npm(folder, 'exec', '--', 'outrigger-component-docs', '--check');
  }, 120_000);

  it('passes the conformance kit', async () => {
    expect(await npm(folder, 'test')).toMatch(/Test Files .*1 passed/);
  }, 180_000);

  it('is found by the sidecar and serves a request, once it is installed beside it', async () => {
    const packed = await npm(folder, 'pack', '--silent', '--pack-destination', workspace.path);
    await npm(
      workspace.path,
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      tarballOf('@outrigger/core'),
      packed.trim(),
    );
    mkdirSync(join(workspace.path, 'resources'));
    workspace.file(
      'resources/store.yaml',
      `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store}
spec:
  type: state.my-store
  version: v1
  metadata: [{name: path, value: ./store.log}]
`,
    );
    await using sidecar = await Sidecar.start({
      appId: 'theirs',
      resourcesPath: join(workspace.path, 'resources'),
      cwd: workspace.path,
    });
    expect((await sidecar.post('/v1.0/state/store', [{ key: 'k', value: { v: 1 } }])).status).toBe(204);
    expect(await (await sidecar.fetch('/v1.0/state/store/k')).json()).toEqual({ v: 1 });
  }, 120_000);
});
