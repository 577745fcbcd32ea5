import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPackages, withDependencies } from '../../tools/pack-packages.ts';
import { Workspace } from '../processes/workspace.ts';
import { outrigger, start, useFreePorts } from './command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the packages as they would be published, in an empty folder', () => {
  const workspace = new Workspace();
  const command = join(workspace.path, 'node_modules', '.bin', 'outrigger');
  const homes = { cwd: join(workspace.path, 'my-shop'), home: workspace.path, command };

  beforeAll(async () => {
    const tarballs = packPackages(root, withDependencies(root, ['@outrigger/cli']), workspace.path).values();
    workspace.file('package.json', '{ "name": "user", "private": true }');
    const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs];
    await promisify(execFile)('npm', install, { cwd: workspace.path });
    expect(await outrigger({ ...homes, cwd: workspace.path }, 'init', 'my-shop')).toMatchObject({ code: 0 });
    await useFreePorts(homes.cwd);
  }, 300_000);
  afterAll(() => workspace[Symbol.dispose]());

  it('say which package a component needs, and the command that installs it', async () => {
    const yaml =
      'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: events}\nspec:\n  type: pubsub.kafka\n  version: v1\n';
    workspace.file('kafka/events.yaml', yaml);
    const { output, code } = await outrigger({ ...homes, cwd: workspace.path }, 'run', '-a', 'shop', '-d', 'kafka');
    expect(code).toBe(1);
    expect(output).toMatch(/^outrigger: the sidecar of shop could not start$/m);
    expect(output).toMatch(
      /^outrigger: .*events\.yaml:\d+: .*events.*pubsub\.kafka.*Run: npm install @outrigger\/pubsub-kafka$/m,
    );
    expect(output).not.toMatch(/^\s+at /m);
  });

  it('bring a project to two apps that talk, with two commands', async () => {
    await using run = start(homes, 'run', '-f', '.');
    await run.line(/You're up and running!/, 60_000);
    const { output, code } = await outrigger(homes, 'invoke', '-a', 'shop', '-m', 'buy', '-d', '{"id":"1"}');
    expect([code, JSON.parse(output)]).toEqual([0, { id: '1', at: expect.any(String) }]);
    await run.line(/== APP - shop == heard of 1/, 60_000);
    expect(await outrigger(homes, 'doctor', '-d', 'resources', '-c', 'config.yaml')).toMatchObject({
      output: expect.stringContaining('Node.js'),
    });
    expect(await outrigger(homes, 'stop', '-f', '.')).toMatchObject({ code: 0 });
  });
});
