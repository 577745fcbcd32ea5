import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRunFile } from './run-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'outrigger-run-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (path: string) => join(folder, path);

function file(path: string, text = ''): string {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  return at(path);
}

const read = (path: string) => readRunFile(path, at('home'));

describe('a run file', () => {
  it('gives each app what common says, and what the app says instead', async () => {
    file('two/a/app.js');
    file('two/b/app.js');
    file('two/shared/store.yaml');
    const path = file(
      'two/dapr.yaml',
      `version: 1
common:
  resourcesPath: ./shared
  logLevel: debug
  appMaxConcurrency: 5
  enableApiLogging: true
  env: {SAME: common, DEBUG: "1"}
apps:
  - appDirPath: ./a
    appPort: 3000
    daprHTTPPort: 3500
    command: [node, app.js]
  - appID: second
    appDirPath: ./b
    logLevel: warn
    placementHostAddress: ""
    daprdLogDestination: console
    env: {SAME: own, PORT: 8080}
    dependsOn: [a]
`,
    );
    const { name, apps, warnings } = await read(at('two'));
    expect({ name, warnings }).toEqual({ name: 'two', warnings: [] });
    const [a, b] = apps;
    expect(a).toMatchObject({
      appId: 'a',
      folder: at('two/a'),
      command: ['node', 'app.js'],
      appPort: 3000,
      httpPort: 3500,
      grpcPort: undefined,
      resourcesPaths: [at('two/shared')],
      env: { SAME: 'common', DEBUG: '1' },
      appLogDestination: 'fileAndConsole',
      sidecarLogDestination: 'file',
      template: { name: 'two', path },
    });
    expect(Object.fromEntries(a?.sidecarFlags ?? [])).toEqual({
      'log-level': 'debug',
      'app-max-concurrency': '5',
      'enable-api-logging': 'true',
    });
    expect(b).toMatchObject({
      appId: 'second',
      command: [],
      env: { SAME: 'own', DEBUG: '1', PORT: '8080' },
      sidecarLogDestination: 'console',
      dependsOn: ['a'],
    });
    expect(b?.sidecarFlags.get('log-level')).toBe('warn');
  });

  it("takes an app's own resources before those of common, and without any leaves the choice open", async () => {
    file('own/a/.dapr/resources/store.yaml');
    file('own/a/.dapr/config.yaml');
    file('own/b/named/store.yaml');
    file('own/c/app.js');
    const apps = 'apps: [{appDirPath: a}, {appDirPath: b, resourcesPaths: [named]}, {appDirPath: c}]';
    file('own/dapr.yaml', `version: 1\n${apps}\n`);
    const [a, b, c] = (await read(at('own'))).apps;
    expect(a).toMatchObject({
      resourcesPaths: [at('own/a/.dapr/resources')],
      configPaths: [at('own/a/.dapr/config.yaml')],
    });
    expect(b).toMatchObject({ resourcesPaths: [at('own/b/named')], configPaths: undefined });
    expect(c).toMatchObject({ resourcesPaths: undefined, configPaths: undefined });
  });

  it('names the file and the line of all that is wrong', async () => {
    const path = file(
      'wrong/dapr.yaml',
      'version: 1\napps:\n  - appDirPath: ./absent\n    appPort: 70000\n    command: node app.js\n',
    );
    await expect(read(path)).rejects.toThrow(
      /dapr\.yaml:3: .*there is no folder .*absent[\s\S]*dapr\.yaml:4: .*appPort must be a port[\s\S]*command must be a list of texts/,
    );
    await expect(read(file('syntax/dapr.yaml', 'version: 1\napps: [\n'))).rejects.toThrow(/dapr\.yaml:\d+: /);
    await expect(read(file('empty/dapr.yaml', ''))).rejects.toThrow('this is no run file; it begins with "version: 1"');
    await expect(read(at('nowhere'))).rejects.toThrow(`there is no file or folder ${at('nowhere')}`);
  });

  it('warns of what it does not know', async () => {
    file('typo/a/app.js');
    const path = file('typo/dapr.yaml', 'version: 1\napps: [{appDirPath: a, appPrt: 3000}]\n');
    expect((await read(path)).warnings).toEqual([
      expect.stringMatching(/unknown field apps\[0\]\.appPrt is ignored; did you mean appPort\?/),
    ]);
  });
});
