import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, vi } from 'vitest';

import { Child } from './processes/child.ts';
import { freePorts } from './processes/ports.ts';
import { Sidecar, sidecarCommand } from './processes/sidecar.ts';
import { resourcesOf, Workspace } from './processes/workspace.ts';

describe('the sidecar process', () => {
  it('starts from any folder with an empty environment', async () => {
    using workspace = new Workspace();
    const elsewhere = join(workspace.path, 'a folder');
    mkdirSync(elsewhere);
    workspace.file(
      'store.yaml',
      'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec: {type: state.in-memory, version: v1}\n',
    );
    const [port = 0, grpc = 0] = await freePorts(2);
    const args = [
      '--app-id',
      'bare',
      '--dapr-http-port',
      String(port),
      '--dapr-grpc-port',
      String(grpc),
      '--enable-metrics=false',
      '--resources-path',
      workspace.path,
    ];
    await using sidecar = new Child(sidecarCommand, args, { cwd: elsewhere, env: {} });
    await sidecar.line(/dapr initialized\. Status: Running/);
    expect((await fetch(`http://127.0.0.1:${port}/v1.0/healthz`)).status).toBe(204);
    expect((await fetch(`http://127.0.0.1:${port}/v1.0/state/store/x`)).status).toBe(204);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    await using sidecar = await Sidecar.start({ appId: 'ending' });
    expect(await sidecar.stop(signal)).toEqual({ code: 0, signal: null });
  });

  it('answers what is in flight before it ends', async () => {
    using workspace = new Workspace();
    const { createServer } = await import('node:http');
    const held = Promise.withResolvers<() => void>();
    const app = createServer((request, response) => {
      if (request.url === '/slow') held.resolve(() => void response.end('done'));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = app.address() as { port: number };
      await using sidecar = await Sidecar.start({ appId: 'draining', appPort: port, resourcesPath: workspace.path });
      const answer = sidecar.fetch('/v1.0/invoke/draining/method/slow').then((response) => response.text());
      const release = await held.promise;
      const stopped = sidecar.stop('SIGTERM');
      // it no longer takes new work
      await vi.waitFor(() => expect(sidecar.fetch('/v1.0/healthz')).rejects.toThrow('fetch failed'));
      release();
      expect(await answer).toBe('done');
      expect(await stopped).toEqual({ code: 0, signal: null });
    } finally {
      app.close();
      app.closeAllConnections();
    }
  });

  it('waits with --wait until another one can be used', async () => {
    await using sidecar = await Sidecar.start({ appId: 'awaited' });
    await using waiting = new Child(sidecarCommand, [
      '--app-id',
      'awaited',
      '--wait',
      '--dapr-http-port',
      String(sidecar.httpPort),
    ]);
    expect((await waiting.exited).code).toBe(0);
  });

  it('prints its version, and help with every flag', async () => {
    await using version = new Child(sidecarCommand, ['--version']);
    expect((await version.exited).code).toBe(0);
    expect(version.output.trim()).toMatch(/^\d+\.\d+\.\d+/);
    await using help = new Child(sidecarCommand, ['--help']);
    expect((await help.exited).code).toBe(0);
    expect(help.output).toContain('--resources-path');
  });

  it('logs JSON when told to, every line of it', async () => {
    using workspace = new Workspace();
    await using sidecar = await Sidecar.start({
      appId: 'json',
      resourcesPath: resourcesOf('memory'),
      env: workspace.env,
      args: ['--log-as-json', '--log-level', 'debug'],
    });
    await sidecar.stop();
    const lines = sidecar.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { app_id: string; msg: string });
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.every((line) => line.app_id === 'json')).toBe(true);
    expect(lines.some((line) => line.msg.includes('Component loaded: statestore (state.in-memory/v1)'))).toBe(true);
  });

  it('never shows a secret, whatever the log level', async () => {
    using workspace = new Workspace();
    workspace.file('secrets.json', JSON.stringify({ location: `file:${join(workspace.path, 'hidden-4711.db')}` }));
    workspace.file(
      'all.yaml',
      `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: secrets}
spec:
  type: secretstores.local.file
  version: v1
  metadata: [{name: secretsFile, value: ${join(workspace.path, 'secrets.json')}}]
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store}
spec:
  type: state.sqlite
  version: v1
  metadata:
    - name: connectionString
      secretKeyRef: {name: location, key: location}
auth: {secretStore: secrets}
`,
    );
    await using sidecar = await Sidecar.start({
      appId: 'quiet',
      resourcesPath: workspace.path,
      args: ['--log-level', 'debug'],
    });
    expect((await sidecar.post('/v1.0/state/store', [{ key: 'k', value: 1 }])).status).toBe(204);
    const metadata = await (await sidecar.fetch('/v1.0/metadata')).text();
    await sidecar.stop();
    expect(metadata + sidecar.output).not.toContain('hidden-4711');
  });
});
