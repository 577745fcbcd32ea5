import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePorts } from '../processes/ports.ts';
import { Workspace } from '../processes/workspace.ts';
import { echoApp, outrigger, start, useFreePorts } from './command.ts';

describe('a project made by outrigger init', () => {
  const workspace = new Workspace();
  const homes = { cwd: join(workspace.path, 'my-shop'), home: workspace.path };
  afterAll(() => workspace[Symbol.dispose]());

  it('runs with one command, and its apps call each other, publish and keep state', async () => {
    rmSync(homes.cwd, { recursive: true, force: true });
    expect(await outrigger({ ...homes, cwd: workspace.path }, 'init', 'my-shop')).toMatchObject({
      code: 0,
      output: expect.stringContaining('next: cd my-shop && npm install && npm start\n'),
    });
    await useFreePorts(homes.cwd);
    await using run = start(homes, 'run', '-f', '.');
    await run.line(/You're up and running!/, 60_000);
    const bought = await outrigger(homes, 'invoke', '-a', 'shop', '-m', 'buy', '-d', '{"id":"1","item":"canoe"}');
    expect([bought.code, JSON.parse(bought.output)]).toEqual([0, expect.objectContaining({ id: '1', item: 'canoe' })]);
    await run.line(/== APP - shop == heard of 1/, 60_000);
    const kept = await outrigger(homes, 'invoke', '-a', 'orders', '-m', 'orders/1', '-v', 'GET');
    expect(JSON.parse(kept.output)).toEqual(JSON.parse(bought.output));
    expect(await outrigger(homes, 'invoke', '-a', 'orders', '-m', 'orders/2', '-v', 'GET')).toMatchObject({
      code: 1,
      output: 'outrigger: orders answers 404 Not Found\n',
    });
    const told = '{"id":"9","source":"hand","specversion":"1.0","type":"placed","data":{"id":"by hand"}}';
    expect(await outrigger(homes, 'publish', '-i', 'shop', '-p', 'pubsub', '-t', 'placed', '-d', told)).toMatchObject({
      code: 0,
    });
    await run.line(/== APP - shop == heard of by hand/, 60_000);
    const looked = await outrigger(homes, 'doctor');
    expect(looked).toMatchObject({
      code: 0,
      output: expect.stringMatching(/✓ shop: pubsub \(pubsub\.sqlite\/v1\): starts/),
    });
    expect(looked.output).toMatch(/✓ apps: running: orders \(\d+\), shop \(\d+\)/);
    expect(await outrigger(homes, 'stop', '-f', '.')).toMatchObject({
      code: 0,
      output: 'stopped orders\nstopped shop\n',
    });
  });

  it('is not made where something is', async () => {
    expect(await outrigger(homes, 'init')).toEqual({
      code: 1,
      output: 'outrigger: this folder is not empty; name a new one: outrigger init my-project\n',
    });
  });
});

describe('an app whose sidecar has Unix sockets', () => {
  const workspace = new Workspace();
  const homes = { cwd: workspace.path, home: workspace.path };
  afterAll(() => workspace[Symbol.dispose]());

  it('is run, found and called through them', async () => {
    workspace.file('app.cjs', echoApp);
    await using run = start(
      homes,
      'run',
      '-a',
      'orders',
      '-p',
      String((await freePorts(1))[0]),
      '-u',
      '.',
      '--',
      'node',
      'app.cjs',
    );
    await run.line(/You're up and running!/, 60_000);
    await run.line(/serves on/, 60_000);
    const invoke = ['invoke', '-a', 'orders', '-m', 'echo', '-d', 'hi'];
    await expect
      .poll(() => outrigger(homes, ...invoke), { timeout: 60_000 })
      .toMatchObject({ code: 0, output: expect.stringContaining('"body":"hi"') });
    expect(await outrigger(homes, ...invoke, '-u', '.')).toMatchObject({ code: 0 });
  });
});

describe('outrigger doctor', () => {
  const workspace = new Workspace();
  const homes = { cwd: workspace.path, home: workspace.path };
  afterAll(() => workspace[Symbol.dispose]());
  const component = (name: string, type: string, ...metadata: string[]) =>
    workspace.file(
      `resources/${name}.yaml`,
      `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec:\n  type: ${type}\n  version: v1\n  metadata: [${metadata.join(', ')}]\n`,
    );

  it('finds nothing wrong with components that start', async () => {
    component('good', 'state.sqlite', '{name: connectionString, value: ./good.db}');
    const { output, code } = await outrigger(homes, 'doctor', '-d', 'resources');
    expect(output).toMatch(/✓ good \(state\.sqlite\/v1\): starts, in \d+ ms/);
    expect([code, output.endsWith('Nothing keeps a sidecar from starting.\n')]).toEqual([0, true]);
  });

  it('says of each of the others where it stands, what is wrong and what to do; and no secret', async () => {
    component(
      'away',
      'state.redis',
      '{name: redisHost, value: "127.0.0.1:1"}',
      '{name: redisPassword, value: hush-hush}',
    );
    component('typo', 'pubsub.sqlit', '{name: connectionString, value: x.db}');
    const { output, code } = await outrigger(homes, 'doctor', '-d', 'resources', '-o', 'json');
    expect(code).toBe(1);
    const findings = JSON.parse(output) as { what: string; state: string; message: string }[];
    const messageOf = (name: string) => findings.find(({ what }) => what.startsWith(name))?.message;
    expect(messageOf('away')).toMatch(/away\.yaml:\d+: .*cannot reach Redis at 127\.0\.0\.1:1.*is redisHost right\?/);
    expect(messageOf('typo')).toMatch(/typo\.yaml:\d+: .*did you mean pubsub\.sqlite\?/);
    expect(messageOf('good')).toMatch(/^starts/);
    expect(output).not.toContain('hush');
  });
});

describe('outrigger dashboard for programs', () => {
  const workspace = new Workspace();
  afterAll(() => workspace[Symbol.dispose]());

  it('says where it answers, as soon as it does', async () => {
    await using dashboard = start({ cwd: workspace.path, home: workspace.path }, 'dashboard', '-o', 'json');
    await dashboard.line(/^\}$/m);
    const { url, otlpEndpoint } = JSON.parse(dashboard.output) as { url: string; otlpEndpoint: string };
    expect((await fetch(url)).status).toBe(200);
    expect(otlpEndpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+/);
    expect(await dashboard.stop()).toMatchObject({ code: 0 });
  });
});

describe('a bug of outrigger', () => {
  const workspace = new Workspace();
  afterAll(() => workspace[Symbol.dispose]());
  const broken = workspace.file('broken.mjs', "Array.prototype.toSorted = () => { throw new TypeError('boom'); };");
  const list = (env: Record<string, string> = {}) =>
    outrigger(
      { cwd: workspace.path, home: workspace.path, env: { NODE_OPTIONS: `--import ${broken}`, ...env } },
      'list',
    );

  it('is owned up to in a line, with how to see where it is', async () => {
    expect(await list()).toEqual({
      code: 70,
      output:
        'outrigger: unexpected error, a bug of this command: TypeError: boom\noutrigger: OUTRIGGER_DEBUG=1 before the command shows where it is\n',
    });
    expect((await list({ OUTRIGGER_DEBUG: '1' })).output).toMatch(
      /report it with what follows\nTypeError: boom\n\s+at /,
    );
  });
});

describe('outrigger components', () => {
  const workspace = new Workspace();
  const homes = { cwd: workspace.path, home: workspace.path };
  afterAll(() => workspace[Symbol.dispose]());

  it('lists types, explains one, and writes a resource of it that can be loaded', async () => {
    const { output } = await outrigger(homes, 'components', 'list', '--all', '-o', 'json');
    expect(JSON.parse(output)).toContainEqual(
      expect.objectContaining({ type: 'state.sqlite', version: 'v1', package: '@outrigger/state-sqlite' }),
    );
    const described = await outrigger(homes, 'components', 'describe', 'state.sqlite');
    expect(described.output).toMatch(/^connectionString, url +text +required +Path of the database file/m);

    const add = ['components', 'add', 'state.sqlite', '-m', 'URL=./kept.db'];
    expect(await outrigger(homes, ...add)).toMatchObject({ code: 0, output: 'wrote resources/statestore.yaml\n' });
    const text = readFileSync(join(workspace.path, 'resources/statestore.yaml'), 'utf8');
    expect(text).toContain('    - name: connectionString\n      value: "./kept.db"\n');
    expect(await outrigger(homes, 'doctor', '-d', 'resources')).toMatchObject({ code: 0 });
    expect(await outrigger(homes, ...add)).toMatchObject({
      code: 1,
      output: expect.stringContaining('is there already'),
    });
    expect(await outrigger(homes, 'components', 'add', 'state.sqlite', '-m', 'connectionstrin=x')).toEqual({
      code: 1,
      output: 'outrigger: --metadata: state.sqlite has no field "connectionstrin"; did you mean connectionString?\n',
    });
  });
});
