import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { inspect } from 'node:util';
import { ComponentError, parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import definition from './file.ts';

const signal = new AbortController().signal;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrigger-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function storeOn(content: string, properties: Record<string, string> = {}, fileName = 'secrets.json') {
  const secretsFile = join(await mkdtemp(join(folder, 'x-')), fileName);
  await writeFile(secretsFile, content);
  return open({ secretsFile, ...properties });
}

function open(properties: Record<string, string>) {
  const { values: metadata } = parseMetadata(definition.metadata, properties);
  return definition.create({
    name: 'vault',
    metadata,
    properties,
    appId: 'app',
    namespace: '',
    logger: silentLogger,
    signal,
  });
}

async function failure(opening: Promise<unknown>): Promise<ComponentError> {
  const error: unknown = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ComponentError.is(error)) throw new Error('expected a ComponentError', { cause: error });
  return error;
}

const nested = '{"db": {"password": "s3cret", "ports": [1, 2.50]}, "plain": "p", "on": true, "none": null}';

describe('one value per secret', () => {
  it('flattens nested names and array elements', async () => {
    const store = await storeOn(nested);
    expect(await store.getAll?.({}, signal)).toEqual({
      'db:password': { 'db:password': 's3cret' },
      'db:ports:0': { 'db:ports:0': '1' },
      'db:ports:1': { 'db:ports:1': '2.50' },
      plain: { plain: 'p' },
      on: { on: 'true' },
      none: { none: '' },
    });
    expect(store.features).toEqual([]);
  });

  it('joins nested names with the chosen separator', async () => {
    const store = await storeOn(nested, { nestedSeparator: '/' });
    expect(await store.get({ name: 'db/password' }, signal)).toEqual({ 'db/password': 's3cret' });
  });

  it('keeps long numbers as they are written', async () => {
    const store = await storeOn('{"id": 12345678901234567890}');
    expect(await store.get({ name: 'id' }, signal)).toEqual({ id: '12345678901234567890' });
  });

  it('has no secret that the file does not have, whatever its name', async () => {
    const store = await storeOn('{"a": "1"}');
    for (const name of ['b', 'toString', '__proto__', '']) expect(await store.get({ name }, signal)).toBeUndefined();
  });
});

describe('several values per secret', () => {
  it('gives each first-level name its map of values', async () => {
    const store = await storeOn(nested, { multiValued: 'true' });
    expect(store.features).toEqual(['multiple-key-values-per-secret']);
    expect(await store.getAll?.({}, signal)).toEqual({
      db: { password: 's3cret', 'ports:0': '1', 'ports:1': '2.50' },
      plain: { plain: 'p' },
      on: { on: 'true' },
      none: { none: '' },
    });
  });
});

describe('.env files', () => {
  const content =
    '# comment\n\nexport TOKEN=abc # note\nKEY="-----BEGIN\nline two\n-----END"\nEMPTY=\nDB.user-name=\'it\'\n';

  it.each(['.env', 'dev.env', '.env.local', 'secrets'])('reads KEY=value lines from %s', async (fileName) => {
    const store = await storeOn(content, {}, fileName);
    expect(await store.getAll?.({}, signal)).toEqual({
      TOKEN: { TOKEN: 'abc' },
      KEY: { KEY: '-----BEGIN\nline two\n-----END' },
      EMPTY: { EMPTY: '' },
      'DB.user-name': { 'DB.user-name': 'it' },
    });
  });

  it('takes Windows line ends and a byte order mark', async () => {
    const store = await storeOn('\uFEFFA=1\r\nB=2\r\n', {}, '.env');
    expect(await store.getAll?.({}, signal)).toEqual({ A: { A: '1' }, B: { B: '2' } });
  });
});

describe('a file that cannot be used', () => {
  it('is named with its full path when it is missing', async () => {
    const error = await failure(open({ secretsFile: './no-such-secrets.json' }));
    expect(error.code).toBe('not-found');
    expect(error.message).toContain(join(process.cwd(), 'no-such-secrets.json'));
    expect(error.message).toContain('directory the process runs in');
  });

  it('says why when it is there but cannot be read', async () => {
    expect((await failure(open({ secretsFile: folder }))).message).toMatch(/cannot be read: .*EISDIR/);
  });

  it.each([
    ['broken JSON', '{\n  "a": "hunter2",\n  "b": hunter2\n}', ':3:8: this is not JSON'],
    ['an unclosed JSON text', '{\n  "a": "hunter2\n}', ':2:8: this is not JSON'],
    ['JSON that ends too early', '{\n  "a": "hunter2",\n', ':3:1: this is not JSON'],
    ['a JSON array', '["hunter2"]', ':1: a secrets file holds one JSON object'],
    ['neither JSON nor KEY=value', 'A=1\nhunter2\n', ':2: expected KEY=value'],
    ['an unclosed quote', 'A=1\nB="hunter2\n', ':2: the quote that opens here is never closed'],
    [
      'two values for one name',
      '{"a:b": "hunter2",\n "a": {"b": "hunter2"}}',
      ':2: a second value for the secret "a:b"',
    ],
  ])('is named with the line, never with its content: %s', async (_case, content, expected) => {
    const error = await failure(storeOn(content));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain(`secrets.json${expected}`);
    expect(error.message + String(error.cause)).not.toContain('hunter2');
  });
});

it('reads the file once: a change is seen after a restart', async () => {
  const path = join(folder, 'changing.json');
  await writeFile(path, '{"a": "1"}');
  await using store = await open({ secretsFile: path });
  await writeFile(path, '{"a": "2"}');
  expect(await store.get({ name: 'a' }, signal)).toEqual({ a: '1' });
  await using later = await open({ secretsFile: path });
  expect(await later.get({ name: 'a' }, signal)).toEqual({ a: '2' });
});

it('refuses calls once it is closed, and those that were given up', async () => {
  const store = await storeOn('{"a": "1"}');
  await expect(store.get({ name: 'a' }, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  await store[Symbol.asyncDispose]();
  await expect(store.get({ name: 'a' }, signal)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(store.getAll?.({}, signal)).rejects.toMatchObject({ code: 'unavailable' });
});

it.skipIf(process.getuid?.() === 0)('names who may not read the file', async () => {
  const path = join(folder, 'closed.json');
  await writeFile(path, '{"a": "1"}', { mode: 0 });
  await expect(open({ secretsFile: path })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/EACCES.*let the user .+ read it/),
  });
});

it('shows none of its secrets when it is looked at', async () => {
  const store = await storeOn('{"a": "hunter2"}');
  expect(inspect(store, { depth: 20, showHidden: true })).not.toContain('hunter2');
});

it('finds a relative path from the directory the process runs in', async () => {
  const path = join(folder, 'relative.json');
  await writeFile(path, '{"a": "1"}');
  const store = await open({ secretsFile: relative(process.cwd(), path) });
  expect(await store.get({ name: 'a' }, signal)).toEqual({ a: '1' });
});
