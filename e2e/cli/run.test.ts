import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../processes/ports.ts';
import { Workspace } from '../processes/workspace.ts';
import { echoApp, type Homes, outrigger, start } from './command.ts';

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

interface Listed {
  readonly appId: string;
  readonly httpPort: number;
  readonly daprdPid: number;
  readonly appPid: number;
  readonly cliPid: number;
}

async function list(homes: Homes): Promise<Listed[]> {
  const { output } = await outrigger(homes, 'list', '-o', 'json');
  return JSON.parse(output) as Listed[];
}

function pidsOf(instances: readonly Listed[]): number[] {
  return [...new Set(instances.flatMap(({ daprdPid, appPid, cliPid }) => [daprdPid, appPid, cliPid]))];
}

describe('outrigger run', () => {
  const workspace = new Workspace();
  const homes = { cwd: workspace.path, home: workspace.path };
  const instances = join(workspace.path, '.outrigger', 'instances');
  let ports: number[];
  beforeAll(async () => {
    workspace.file('app.js', echoApp);
    ports = await freePorts(7);
  });
  afterAll(() => workspace[Symbol.dispose]());

  const upAndRunning = /You're up and running!/;

  it('runs an app on embedded defaults, calls it, publishes to it, and stops it in order', async () => {
    const [appPort = 0] = ports;
    await using run = start(homes, 'run', '-a', 'orders', '-p', String(appPort), '--', 'node', 'app.js');
    await run.line(upAndRunning, 60_000);
    expect(run.output).toMatch(/orders: no resources given: .*SQLite/);
    await run.line(/^== APP - orders == serves on \d+ beside \d+$/m, 60_000);
    await run.line(/dapr initialized\. Status: Running/, 60_000);

    const { output, code } = await outrigger(homes, 'invoke', '-a', 'orders', '-m', 'new?a=1', '-d', '{"id":7}');
    expect([code, JSON.parse(output)]).toEqual([0, { app: 'orders', url: '/new?a=1', body: '{"id":7}' }]);
    const published = await outrigger(
      homes,
      'publish',
      '-i',
      'orders',
      '-p',
      'pubsub',
      '-t',
      'orders',
      '-d',
      '{"id":8}',
    );
    expect(published).toMatchObject({ code: 0, output: 'published to orders of pubsub\n' });
    await run.line(/^== APP - orders == ordered \{"id":8\}$/m, 60_000);

    const running = await list(homes);
    expect(running).toMatchObject([{ appId: 'orders', appPort, command: 'node app.js' }]);
    expect(await outrigger(homes, 'stop', 'orders')).toMatchObject({ code: 0, output: 'stopped orders\n' });
    expect(await run.exited).toMatchObject({ code: 0 });
    expect(run.output).toContain('Daprd shutdown gracefully');
    expect(pidsOf(running).filter(isRunning)).toEqual([]);
    expect(readdirSync(instances)).toEqual([]);
  });

  it("ends with the app's exit code, and ends the sidecar", async () => {
    await using run = start(homes, 'run', '-a', 'short', '--', 'node', '-e', 'process.exit(7)');
    expect(await run.exited).toMatchObject({ code: 7 });
    expect(run.output).toMatch(/short has ended with exit code 7[\s\S]*Daprd shutdown gracefully/);
  });

  it('says what is wrong in a line, and leaves nothing running', async () => {
    expect(await outrigger(homes, 'run', '-a', 'none', '--', 'no-such-command-here')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^outrigger: cannot start "no-such-command-here" in .*there is no such command/m),
    });
    expect(await outrigger(homes, 'run', '-a', 'bad', '-d', './absent')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^outrigger: there is no .*absent; correct --resources-path or --config\n$/),
    });
    workspace.file(
      'broken/store.yaml',
      'kind: Component\napiVersion: dapr.io/v1alpha1\nmetadata: {name: s}\nspec: {type: state.sqlit}\n',
    );
    expect(await outrigger(homes, 'run', '-a', 'bad', '-d', './broken')).toMatchObject({
      code: 1,
      output: expect.stringMatching(
        /store\.yaml:1.*did you mean state\.sqlite[\s\S]*outrigger: the sidecar of bad could not start/,
      ),
    });
    expect(readdirSync(instances)).toEqual([]);
  });

  it('runs five apps of a file, and kill -9 of the command leaves no process, socket or file of them', async () => {
    const folder = join(workspace.path, 'five');
    const ids = ['one', 'two', 'three', 'four', 'five'];
    for (const id of ids) {
      mkdirSync(join(folder, id), { recursive: true });
      workspace.file(`five/${id}/app.js`, echoApp);
    }
    const apps = ids.map(
      (id, index) =>
        `  - appID: ${id}\n    appDirPath: ./${id}\n    appPort: ${ports[index + 1]}\n    command: [node, app.js]\n${id === 'two' ? '    dependsOn: [one]\n' : ''}`,
    );
    workspace.file('five/dapr.yaml', `version: 1\ncommon:\n  enableAppHealthCheck: true\napps:\n${apps.join('')}`);

    await using run = start(homes, 'run', '-f', folder);
    await run.line(upAndRunning, 60_000);
    const running = await list(homes);
    expect(running.map(({ appId }) => appId).toSorted()).toEqual(ids.toSorted());
    const caller = running.find(({ appId }) => appId === 'one')?.httpPort ?? 0;
    await vi.waitFor(
      async () => {
        const answer = await fetch(`http://127.0.0.1:${caller}/v1.0/invoke/five/method/x`);
        expect(await answer.json()).toMatchObject({ app: 'five', url: '/x' });
      },
      { timeout: 60_000 },
    );
    expect(existsSync(join(folder, 'one', '.dapr', 'logs'))).toBe(true);

    await run.stop('SIGKILL');
    await vi.waitFor(() => expect(pidsOf(running).filter(isRunning)).toEqual([]), { timeout: 60_000 });
    await vi.waitFor(() => expect(readdirSync(instances)).toEqual([]), { timeout: 60_000 });
    await expect(fetch(`http://127.0.0.1:${caller}/v1.0/healthz`)).rejects.toThrow('fetch failed');
  });

  it('lists all that is wrong in a file, with lines', async () => {
    workspace.file(
      'wrong/dapr.yaml',
      'version: 2\napps:\n  - appID: a\n    appDirPath: ./absent\n    appPort: x\n    colour: red\n',
    );
    const { output, code } = await outrigger(homes, 'run', '-f', join(workspace.path, 'wrong'));
    expect(code).toBe(1);
    expect(output).toMatch(/dapr\.yaml:1: run file: version must be 1, not 2/);
    expect(output).toMatch(/dapr\.yaml:4: run file: there is no folder .*absent/);
    expect(output).toMatch(/dapr\.yaml:5: run file: apps\[0\]\.appPort must be a whole number/);
  });
});
