import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Child } from '../processes/child.ts';
import { freePorts } from '../processes/ports.ts';
import { Workspace } from '../processes/workspace.ts';
import { echoApp, type Homes, outrigger, start } from './command.ts';
import { filesIn, listeningPorts, processesOf, stillListening } from './left-behind.ts';

const upAndRunning = /You're up and running!/;

/** What stays on purpose: settings and data of apps that have no resources of their own. */
const kept = [
  'home/.outrigger/defaults/config.yaml',
  'home/.outrigger/defaults/messages.db',
  'home/.outrigger/defaults/names.db',
  'home/.outrigger/defaults/resources/pubsub.yaml',
  'home/.outrigger/defaults/resources/statestore.yaml',
  'home/.outrigger/defaults/state.db',
];

/** What apps and sidecars of a run file write down. */
const isLog = (file: string) => /^two\/\w+\/\.dapr\/logs\/\w+_(app|daprd)_[^/]+\.log$/.test(file);

// /proc tells who runs and listens
describe.skipIf(process.platform !== 'linux')('what outrigger run leaves behind', () => {
  let workspace: Workspace;
  let homes: Homes;
  let before: string[];
  beforeEach(async () => {
    workspace = new Workspace();
    const [one, two, three] = await freePorts(3);
    workspace.file('app.js', echoApp);
    for (const id of ['orders', 'stock']) workspace.file(`two/${id}/app.js`, echoApp);
    const app = (id: string, port = 0) =>
      `  - appID: ${id}\n    appDirPath: ./${id}\n    appPort: ${port}\n    command: [node, app.js]\n`;
    workspace.file('two/dapr.yaml', `version: 1\napps:\n${app('orders', one)}${app('stock', two)}`);
    for (const folder of ['home', 'tmp']) mkdirSync(join(workspace.path, folder));
    homes = { cwd: workspace.path, home: join(workspace.path, 'home'), env: { TMPDIR: join(workspace.path, 'tmp') } };
    before = filesIn(workspace.path);
    single = ['run', '-a', 'orders', '-p', String(three), '--', 'node', 'app.js'];
  });
  afterEach(() => workspace[Symbol.dispose]());
  let single: string[];
  const many = ['run', '-f', 'two'];

  /** Starts it, and has it use its state store, its broker and its names. Hands back the ports at which its processes listen. */
  async function use(run: Child): Promise<number[]> {
    await run.line(upAndRunning, 60_000);
    await run.line(/orders == serves on/, 60_000);
    const [{ httpPort = 0 } = {}] = JSON.parse((await outrigger(homes, 'list', '-o', 'json')).output) as {
      httpPort?: number;
    }[];
    const state = await fetch(`http://127.0.0.1:${httpPort}/v1.0/state/statestore`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '[{"key": "a", "value": 1}]',
    });
    expect(state.status).toBe(204);
    const publish = ['publish', '-i', 'orders', '-p', 'pubsub', '-t', 'orders', '-d', '{"id":8}'];
    expect(await outrigger(homes, ...publish)).toMatchObject({ code: 0 });
    await run.line(/orders == ordered \{"id":8\}/, 60_000);
    expect(await outrigger(homes, 'invoke', '-a', 'orders', '-m', 'x')).toMatchObject({ code: 0 });

    const processes = processesOf(workspace.path);
    // command, keeper, and a sidecar and an app at least
    expect(processes.length).toBeGreaterThanOrEqual(4);
    const ports = listeningPorts(processes.map(({ pid }) => pid));
    expect(ports).toContain(httpPort);
    // they are in use now: what is gone later was there
    expect(filesIn(workspace.path)).toEqual(
      expect.arrayContaining(['home/.outrigger/defaults/state.db-wal', 'home/.outrigger/defaults/names.db-shm']),
    );
    return ports;
  }

  async function expectNothingLeft(ports: readonly number[]): Promise<void> {
    await vi.waitFor(() => expect(processesOf(workspace.path)).toEqual([]), { timeout: 60_000, interval: 100 });
    expect(stillListening(ports)).toEqual([]);
    const added = filesIn(workspace.path).filter((file) => !before.includes(file) && !isLog(file));
    expect(added).toEqual(kept);
  }

  it.each([
    ['one app', 'SIGINT', () => single],
    ['the apps of a file', 'SIGTERM', () => many],
    ['one app', 'SIGKILL', () => single],
    ['the apps of a file', 'SIGKILL', () => many],
  ] as const)('after %s was ended by %s: its data and logs, and nothing else', async (_, signal, args) => {
    await using run = start(homes, ...args());
    const ports = await use(run);
    await run.stop(signal);
    await expectNothingLeft(ports);
  });

  it('after an app whose sidecar has Unix sockets was ended by SIGKILL: no socket', async () => {
    const [run, ...command] = single;
    await using child = start(homes, run ?? '', '-u', 'tmp', ...command);
    await child.line(upAndRunning, 60_000);
    expect(filesIn(join(workspace.path, 'tmp'))).toContain('dapr-orders-http.socket');
    await child.stop('SIGKILL');
    await expectNothingLeft([]);
  });

  it('after outrigger stop: its data and logs, and nothing else, which it tells programs', async () => {
    await using run = start(homes, ...many);
    const ports = await use(run);
    const { output, code } = await outrigger(homes, 'stop', '-f', 'two', '-o', 'json');
    const pids = { cliPid: run.pid, daprdPid: expect.any(Number), appPid: expect.any(Number) };
    expect([code, JSON.parse(output)]).toEqual([0, ['orders', 'stock'].map((appId) => ({ appId, ...pids }))]);
    await run.exited;
    await expectNothingLeft(ports);
  });
});
