import { createServer } from 'node:net';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { Child } from './processes/child.ts';
import { freePorts } from './processes/ports.ts';
import { Sidecar, sidecarCommand } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

function component(name: string, type: string, metadata: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries(metadata).map(
    ([field, value]) => `    - name: ${field}\n      value: ${JSON.stringify(value)}\n`,
  );
  return `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: v1
  metadata:${fields.length === 0 ? ' []' : `\n${fields.join('')}`}
`;
}

/** Starts a sidecar that cannot start, and hands back what it said, quotes unescaped. */
async function failedStart(
  yaml: string,
  options: { args?: string[]; env?: Record<string, string> } = {},
): Promise<string> {
  using workspace = new Workspace();
  workspace.file('resource.yaml', yaml);
  await using sidecar = await Sidecar.launch({ appId: 'failing', resourcesPath: workspace.path, ...options });
  expect(await sidecar.exited).toEqual({ code: 1, signal: null });
  expect(sidecar.output).not.toMatch(/^\s+at /m);
  return sidecar.output.replaceAll('\\"', '"');
}

describe('a start that cannot succeed says what to do and exits with 1', () => {
  it('a component type that no installed package provides', async () => {
    const output = await failedStart(component('events', 'pubsub.nosuchbroker'));
    expect(output).toContain('resource.yaml');
    expect(output).toContain('events');
    expect(output).toContain('pubsub.nosuchbroker');
  });

  it('a misspelt component type', async () => {
    expect(await failedStart(component('store', 'state.in-memry'))).toContain('state.in-memory');
  });

  it('bad metadata values, all of them at once', async () => {
    const output = await failedStart(component('store', 'state.sqlite', { timeout: 'soon', disableWAL: 'perhaps' }));
    for (const part of ['resource.yaml', 'store', 'connectionString', 'timeout', 'disableWAL'])
      expect(output).toContain(part);
    expect(output).not.toContain('perhaps');
  });

  it('a secret that is not there', async () => {
    const output = await failedStart(`${component('secretstore', 'secretstores.local.env')}---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: store
spec:
  type: state.sqlite
  version: v1
  metadata:
    - name: connectionString
      secretKeyRef:
        name: nothing
        key: here
auth:
  secretStore: nowhere
`);
    for (const part of ['resource.yaml', 'store', 'connectionString', 'nowhere']) expect(output).toContain(part);
  });

  it('YAML that is none, with the line', async () => {
    expect(await failedStart('apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: x\n')).toMatch(
      /resource\.yaml:\d+/,
    );
  });

  it('a folder that does not exist', async () => {
    await using sidecar = await Sidecar.launch({ appId: 'failing', resourcesPath: '/no/such/folder' });
    expect((await sidecar.exited).code).toBe(1);
    expect(sidecar.output).toContain('/no/such/folder');
  });

  it('a server that cannot be reached', async () => {
    const [port = 0] = await freePorts(1);
    const output = await failedStart(component('store', 'state.redis', { redisHost: `127.0.0.1:${port}` }));
    for (const part of ['resource.yaml', 'store', `127.0.0.1:${port}`]) expect(output).toContain(part);
  });

  it.each(['--dapr-http-port', '--dapr-grpc-port', '--dapr-internal-grpc-port'])(
    'a port in use for %s',
    async (flag) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      try {
        const output = await failedStart(component('store', 'state.in-memory'), { args: [flag, String(port)] });
        expect(output).toContain(String(port));
        expect(output).toContain(flag);
      } finally {
        server.close();
      }
    },
  );

  it('an unknown flag, and no app id', async () => {
    await using unknown = new Child(sidecarCommand, ['--app-prot', '3000']);
    expect((await unknown.exited).code).toBe(1);
    expect(unknown.output).toContain('--app-port');
    await using nameless = new Child(sidecarCommand, []);
    expect((await nameless.exited).code).toBe(1);
    expect(nameless.output).toContain('--app-id');
  });

  it('but a component with ignoreErrors only loses that component', async () => {
    using workspace = new Workspace();
    workspace.file('good.yaml', component('good', 'state.in-memory'));
    workspace.file(
      'bad.yaml',
      `${component('bad', 'state.sqlite', { connectionString: join(workspace.path, 'no', 'such', 'folder.db') })}  ignoreErrors: true\n`,
    );
    await using sidecar = await Sidecar.start({ appId: 'tolerant', resourcesPath: workspace.path });
    expect(sidecar.output).toContain('bad');
    expect((await sidecar.post('/v1.0/state/good', [{ key: 'k', value: 1 }])).status).toBe(204);
    expect((await sidecar.fetch('/v1.0/state/bad/k')).status).toBe(400);
  });
});
