import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Child } from '../../processes/child.ts';
import { freePorts } from '../../processes/ports.ts';
import { packPackages, withDependencies } from '../../../tools/pack-packages.ts';
import { Workspace } from '../../processes/workspace.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

const howToStart = 'e2e/backends/up.sh redis, and set the variable to the address it prints';

const packages = ['@outrigger/sidecar', '@outrigger/state-redis'];

requireBackend('OUTRIGGER_TEST_REDIS', howToStart, (redis) => {
  describe('packed packages in an empty project', () => {
    const project = new Workspace();
    const command = join(project.path, 'node_modules', '.bin', 'outrigger-sidecar');

    beforeAll(async () => {
      const tarballs = packPackages(root, withDependencies(root, packages), project.path).values();
      project.file('package.json', '{ "name": "user", "private": true }');
      await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs], { cwd: project.path });
    }, 180_000);
    afterAll(() => project[Symbol.dispose]());

    async function start(type: string): Promise<{ sidecar: Child; url: string }> {
      const resources = join(project.path, `resources-${type}`);
      mkdirSync(resources, { recursive: true });
      project.file(
        `resources-${type}/component.yaml`,
        `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: mine}
spec:
  type: ${type}
  version: v1
  metadata: [{name: redisHost, value: "${redis}"}]
`,
      );
      const [port = 0, grpc = 0] = await freePorts(2);
      // the Node that runs this test, since a user's would be on the PATH
      const args = [
        command,
        '--app-id',
        'packed',
        '--dapr-http-port',
        String(port),
        '--dapr-grpc-port',
        String(grpc),
        '--enable-metrics=false',
        '--resources-path',
        resources,
      ];
      return { sidecar: new Child(process.execPath, args, { cwd: project.path }), url: `http://127.0.0.1:${port}` };
    }

    it('serve state.redis', async () => {
      const { sidecar, url } = await start('state.redis');
      await using _ = sidecar;
      await sidecar.line(/dapr initialized\. Status: Running/);
      const saved = await fetch(`${url}/v1.0/state/mine`, {
        method: 'POST',
        body: '[{"key":"k","value":{"packed":true}}]',
      });
      expect(saved.status).toBe(204);
      expect(await (await fetch(`${url}/v1.0/state/mine/k`)).json()).toEqual({ packed: true });
    });

    it('say which package pubsub.redis needs', async () => {
      const { sidecar } = await start('pubsub.redis');
      await using _ = sidecar;
      expect((await sidecar.exited).code).toBe(1);
      expect(sidecar.output).toContain('npm install @outrigger/pubsub-redis');
    });
  });
});
