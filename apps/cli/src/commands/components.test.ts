import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { capturedRun } from '../../test/captured-run.ts';

describe('outrigger components', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-components-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (...args: string[]) => capturedRun(['components', ...args]);

  it('lists what is installed, for people and for programs', async () => {
    expect((await run('list')).stdout).toMatch(/^TYPE +VERSION +PACKAGE\n(.*\n)*state\.in-memory +v1 +@outrigger\//);
    expect(JSON.parse((await run('list', '-o', 'json')).stdout)).toContainEqual({
      type: 'state.in-memory',
      version: 'v1',
      package: '@outrigger/state-in-memory',
      installed: true,
    });
  });

  it('describes the fields of a type: which are required, secret, have a default or only some values', async () => {
    const { stdout } = await run('describe', 'state.redis');
    expect(stdout).toMatch(/^redisPassword\b.* secret .*Password/m);
    expect(stdout).toMatch(/^redisType\b.* node \| cluster +node /m);
    const described = JSON.parse((await run('describe', 'state.redis', '-o', 'JSON')).stdout) as {
      fields: { name: string }[];
    };
    expect(described.fields.find(({ name }) => name === 'redisPassword')).toMatchObject({
      required: false,
      secret: true,
    });
  });

  it('writes a resource once, and warns of a secret in the open without showing it', async () => {
    const add = ['add', 'state.redis', '-d', folder, '-m', 'redisHost=localhost:1'];
    const { code, stdout, stderr } = await run(...add, '-m', 'redisPassword=hush');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^wrote .*statestore\.yaml\n/);
    expect(stderr).toMatch(/^outrigger: redisPassword: a secret in the open; .*--secret\n$/);
    expect(readFileSync(join(folder, 'statestore.yaml'), 'utf8')).toContain('value: "localhost:1"');
    expect((await run(...add)).stderr).toMatch(/statestore\.yaml is there already/);
    expect((await run('add', 'state.redis', '--print', '-s', 'redisPassword=db/key')).stdout).toContain(
      'secretKeyRef:\n        name: "db"\n        key: "key"\n',
    );
    expect((await run('add', 'state.redis', '-m', 'hush')).stderr).not.toContain('hush');
  });

  it('tells programs what it has written, or would, and its warnings', async () => {
    const added = async (...args: string[]) =>
      JSON.parse((await run('add', 'state.sqlite', '-d', folder, '-o', 'json', ...args)).stdout) as unknown;
    const about = { type: 'state.sqlite', version: 'v1', name: 'shelf', warnings: [] };
    expect(await added('-n', 'shelf')).toEqual({
      ...about,
      file: expect.stringMatching(/shelf\.yaml$/),
      fillIn: ['connectionString'],
    });
    expect(await added('-n', 'shelf', '--print')).toMatchObject({
      ...about,
      text: expect.stringContaining('name: connectionString'),
    });
    const open = await run('add', 'state.redis', '--print', '-o', 'json', '-m', 'redisPassword=hush');
    expect(open.stderr).toBe('');
    expect(JSON.parse(open.stdout)).toMatchObject({ warnings: [expect.stringContaining('a secret in the open')] });
  });

  it('says what is meant where the type is none', async () => {
    expect(await run('describe', 'state.redi')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'outrigger: no installed package provides state.redi/v1; did you mean state.redis?\n',
    });
    expect((await run('add', 'state.redis', '-n', 'Not One', '-d', folder)).stderr).toMatch(/--name is "Not One"/);
    expect(existsSync(join(folder, 'Not One.yaml'))).toBe(false);
  });
});
