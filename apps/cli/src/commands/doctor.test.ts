import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { capturedRun } from '../../test/captured-run.ts';
import { examineUsualPorts, type Finding } from './examine.ts';

describe('outrigger doctor', () => {
  let folder = '';
  beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'outrigger-doctor-')))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(name: string, text: string): string {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }
  const component = (name: string, type: string, metadata = '[]', more = '') =>
    write(
      `resources/${name}.yaml`,
      `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec:\n  type: ${type}\n  version: v1\n  metadata: ${metadata}\n${more}`,
    );
  async function examine(
    ...args: string[]
  ): Promise<{ code: number; messageOf: (what: string) => string | undefined }> {
    const env = { OUTRIGGER_HOME: folder, HOME: folder, PATH: dirname(process.execPath) };
    const { code, stdout } = await capturedRun(['doctor', '-o', 'json', ...args], env);
    const findings = JSON.parse(stdout) as Finding[];
    const messageOf = (what: string) => {
      const found = findings.find((finding) => finding.what.startsWith(what));
      return found && `${found.state}: ${found.message}`;
    };
    return { code, messageOf };
  }

  it('says which components start, and of the others where and how to mend them', async () => {
    component('good', 'state.in-memory');
    component('others', 'pubsub.nothing', '[]', 'scopes: [another]\n');
    const fine = await examine('-d', join(folder, 'resources'));
    expect([fine.code, fine.messageOf('good')]).toEqual([0, expect.stringMatching(/^ok: starts, in \d+ ms$/)]);

    const typo = component('typo', 'state.in-memry');
    const bad = write('resources/bad.yaml', 'kind: Component\n  name: [\n');
    const { code, messageOf } = await examine('-d', join(folder, 'resources'));
    expect([code, messageOf('good')]).toEqual([1, expect.stringMatching(/^ok/)]);
    expect(messageOf('typo')).toMatch(new RegExp(`^failure: ${typo}:\\d+: .*did you mean state.in-memory`));
    expect(messageOf('resources')).toMatch(new RegExp(`^failure: ${bad}:\\d+`));
  });

  it('looks at each app of a run file from its own folder: command, ports and components', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    mkdirSync(join(folder, 'orders'));
    mkdirSync(join(folder, 'shop'));
    component('statestore', 'state.sqlite', '[{name: connectionString, value: ../kept.db}]');
    const runFile = write(
      'dapr.yaml',
      `version: 1
common: {resourcesPath: ./resources}
apps:
  - {appID: orders, appDirPath: ./orders, appPort: ${port}, command: [node, app.js]}
  - {appID: shop, appDirPath: ./shop, command: [no-such-command]}
`,
    );
    const before = process.cwd();
    const { code, messageOf } = await examine('-f', runFile);
    server.close();
    expect(process.cwd()).toBe(before);
    expect(code).toBe(1);
    expect(messageOf('orders: appPort')).toBe(
      'failure: taken by another program; stop that, or choose another appPort',
    );
    expect(messageOf('orders: statestore')).toMatch(/^ok: starts/);
    expect(messageOf('shop: statestore')).toMatch(/^ok: starts/);
    expect(messageOf('shop')).toMatch(/^failure: there is no command "no-such-command"/);
  });

  it('knows whose sidecar has one of the usual ports', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const ports = { [port]: 'the HTTP API' };
    const shop = { appId: 'shop', cliPid: 1, sidecarPid: 1, httpPort: port, grpcPort: 1 };
    const none = { command: [], resourcesPaths: [], configPaths: [], startedAt: '2026-01-01T00:00:00.000Z' };
    expect(await examineUsualPorts([{ ...shop, ...none }], ports)).toEqual([
      { what: `port ${port}`, state: 'ok', message: expect.stringMatching(/^taken by the sidecar of shop;/) },
    ]);
    expect(await examineUsualPorts([], ports)).toEqual([
      { what: `port ${port}`, state: 'warning', message: expect.stringMatching(/^taken by another program;/) },
    ]);
    taken.close();
  });

  it('tells what is wrong with a run file, each in its place', async () => {
    const runFile = write('dapr.yaml', 'version: 2\napps:\n  - appDirPath: ./none\n');
    const { code, messageOf } = await examine('-f', runFile);
    expect([code, messageOf('run file')]).toEqual([
      1,
      expect.stringMatching(/^failure: .*dapr\.yaml:1: .*version must be 1/),
    ]);
  });
});
