import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { capturedRun } from '../../test/captured-run.ts';
import { readRunFile } from '../run/run-file.ts';

describe('outrigger init', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-init-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('makes a project that can be run, with the packages of its components', async () => {
    const project = join(folder, 'My Shop!');
    expect(await capturedRun(['init', project])).toMatchObject({ code: 0, stderr: '' });
    const manifest: unknown = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: 'my-shop-',
      devDependencies: {
        '@outrigger/cli': expect.stringMatching(/^\^\d/),
        '@outrigger/pubsub-sqlite': expect.stringMatching(/^\^\d/),
        '@outrigger/state-sqlite': expect.stringMatching(/^\^\d/),
      },
    });
    const { apps, warnings } = await readRunFile(project, folder);
    expect({ apps: apps.map(({ appId }) => appId), warnings }).toEqual({ apps: ['orders', 'shop'], warnings: [] });
    expect((await capturedRun(['doctor', '-f', project], { OUTRIGGER_HOME: folder })).stdout).toMatch(
      /✓ shop: statestore \(state\.sqlite\/v1\): starts/,
    );
  });

  it('tells programs what it has made', async () => {
    const project = join(folder, 'told');
    expect(JSON.parse((await capturedRun(['init', project, '-o', 'json'])).stdout)).toEqual({
      folder: project,
      files: expect.arrayContaining(['package.json', 'dapr.yaml', 'shop/app.js']),
      next: `cd ${project} && npm install && npm start`,
    });
  });

  it('touches no folder that has something in it, and no file', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'mine');
    expect(await capturedRun(['init', folder])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^outrigger: the folder .* is not empty; name a new one/),
    });
    expect(await capturedRun(['init', file])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^outrigger: .*file is a file; name a new folder/),
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });
});
