import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { command } from './command.ts';
import { kinds } from './kinds.ts';

let cwd: string;
beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'create-component-'))));
afterEach(() => rmSync(cwd, { recursive: true }));

/** Runs the command; `answers` come from somebody at a terminal, one whenever a question is asked. */
async function run(args: readonly string[], answers?: string[]) {
  const input = new PassThrough();
  const output = new PassThrough();
  let said = '';
  output.on('data', (data: Buffer) => {
    said += data.toString();
    if (said.endsWith(': ')) input.write(`${answers?.shift() ?? ''}\n`);
  });
  const code = await command(args, { input, output, cwd, isInteractive: answers !== undefined });
  return { code, said };
}

const read = (...path: string[]) => readFileSync(join(cwd, ...path), 'utf8');

test.each(Object.entries(kinds))(
  'makes a package for %s, with its name and type everywhere',
  async (kind, { prefix }) => {
    expect(await run(['my-own', '--kind', kind])).toMatchObject({ code: 0 });
    const manifest = JSON.parse(read('my-own', 'package.json')) as Record<string, unknown>;
    expect(manifest).toMatchObject({
      name: 'my-own',
      outrigger: { spi: 1, components: { [`${prefix}.my-own/v1`]: '.' } },
    });
    expect(read('my-own', 'src', 'index.ts')).toContain(`type: '${prefix}.my-own'`);
    expect(read('my-own', '.gitignore')).toContain('dist/');
    for (const file of readdirSync(join(cwd, 'my-own'), { recursive: true, withFileTypes: true })) {
      if (file.isFile())
        expect(readFileSync(join(file.parentPath, file.name), 'utf8')).not.toMatch(/\.example'|-example/);
    }
  },
);

test.each([
  ['outrigger-state-cups', [], 'outrigger-state-cups', 'outrigger-state-cups', 'state.cups'],
  ['@me/cups', [], 'cups', '@me/cups', 'state.cups'],
  ['./deep/cups', [], 'deep/cups', 'cups', 'state.cups'],
  ['cups', ['--type', 'state.my.cups'], 'cups', 'cups', 'state.my.cups'],
])('the name %s %j gives folder, package and type', async (name, more, folder, packageName, type) => {
  expect(await run([name, '--kind', 'state', ...more])).toMatchObject({ code: 0 });
  const { name: made, outrigger } = JSON.parse(read(folder, 'package.json')) as {
    name: string;
    outrigger: { components: object };
  };
  expect([made, Object.keys(outrigger.components)]).toEqual([packageName, [`${type}/v1`]]);
});

test('asks for what is missing, and again after an answer that is none', async () => {
  expect(await run([], ['cups', 'stores', 'secrets'])).toMatchObject({ code: 0 });
  expect(read('cups', 'src', 'index.ts')).toContain(`'secretstores.cups'`);
});

test.each([
  [['My Store', '--kind', 'state'], '"My Store" cannot be the name of a package'],
  [['../..', '--kind', 'state'], 'cannot be the name of a package'],
  [['cups', '--kind', 'stores'], '--kind stores is none of state, secrets, pubsub, bindings'],
  [['cups', '--kind', 'state', '--type', 'pubsub.cups'], 'it has to read state.<name>'],
  [['cups'], '--kind is missing: one of state'],
  [[], 'the name is missing'],
  [['a', 'b', '--kind', 'state'], 'one name is enough'],
  [['cups', '--knid', 'state'], "Unknown option '--knid'"],
])('without a terminal %j is an error that says what to do', async (args, message) => {
  const { code, said } = await run(args);
  expect(code).toBe(1);
  expect(said).toContain(message);
  expect(readdirSync(cwd)).toEqual([]);
});

test('never overwrites', async () => {
  writeFileSync(join(cwd, 'file'), 'mine');
  expect(await run(['file', '--kind', 'state'])).toMatchObject({ code: 1 });
  await run(['cups', '--kind', 'state']);
  const { code, said } = await run(['cups', '--kind', 'pubsub']);
  expect([code, said]).toEqual([1, expect.stringContaining('cups is there already')]);
  expect(existsSync(join(cwd, 'cups', 'src', 'local-broker.ts'))).toBe(false);
});

test('explains itself', async () => {
  expect(await run(['--help'])).toMatchObject({
    code: 0,
    said: expect.stringContaining('npm create outrigger-component') as string,
  });
});

test('the versions it asks for are those that its templates are tested with', () => {
  const manifestOf = (path: string) =>
    JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
      readonly version: string;
      readonly devDependencies?: Record<string, string>;
    };
  const { devDependencies = {} } = manifestOf('../templates/package/manifest.json');
  const { devDependencies: ours = {} } = manifestOf('../../../package.json');
  for (const [name, range] of Object.entries(devDependencies)) {
    const own = name.startsWith('@outrigger/')
      ? manifestOf(`../../${name.slice(11)}/package.json`).version
      : (ours[name] ?? '');
    expect(range.split('.').slice(0, own.startsWith('0.') ? 2 : 1)).toEqual(
      `^${own}`.split('.').slice(0, own.startsWith('0.') ? 2 : 1),
    );
  }
});
