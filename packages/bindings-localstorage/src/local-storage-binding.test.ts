import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LocalStorageBinding } from './local-storage-binding.ts';
import { openRoot } from './root-folder.ts';

const { signal } = new AbortController();
let folder = '';
let root = '';
let binding: LocalStorageBinding;

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'outrigger-files-')));
  root = join(folder, 'root');
  binding = new LocalStorageBinding(await openRoot(root));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function invoke(operation: string, fileName?: string, data: string | Uint8Array = ''): Promise<unknown> {
  const metadata = fileName === undefined ? {} : { fileName };
  const answer = await binding.invoke({ operation, data: Buffer.from(data), metadata }, signal);
  if (answer.data === undefined) return undefined;
  const text = Buffer.from(answer.data).toString();
  return answer.contentType === 'application/json' ? (JSON.parse(text) as unknown) : text;
}

describe('bindings.localstorage', () => {
  test('writes a file, reads, lists and deletes it', async () => {
    expect(await invoke('create', 'a/b.txt', 'hello!')).toEqual({ fileName: 'a/b.txt' });
    expect(readFileSync(join(root, 'a/b.txt'), 'utf8')).toBe('hello!');
    await invoke('create', 'c.txt', 'see!');
    expect(await invoke('get', 'a/b.txt')).toBe('hello!');
    expect(await invoke('list')).toEqual([join(root, 'a/b.txt'), join(root, 'c.txt')]);
    expect(await invoke('list', 'a')).toEqual([join(root, 'a/b.txt')]);
    expect(await invoke('delete', 'a/b.txt')).toBeUndefined();
    expect(await invoke('list', 'a')).toEqual([]);
  });

  test('a file without a name gets one that nobody has', async () => {
    const names = [await invoke('create', undefined, 'one!'), await invoke('create', '', 'two!')];
    const uuid = { fileName: expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/) as string };
    expect(names).toEqual([uuid, uuid]);
    expect(await invoke('list')).toHaveLength(2);
  });

  test('a shorter content leaves nothing of a longer one', async () => {
    await invoke('create', 'f', 'a long text!');
    await invoke('create', 'f', 'short!');
    expect(await invoke('get', 'f')).toBe('short!');
  });

  test.each([
    ['a JSON text', String.raw`"say \"hi\"!"`, 'say "hi"!'],
    ['base64', Buffer.from([0, 1, 255]).toString('base64'), Buffer.from([0, 1, 255]).toString()],
    ['base64 as a JSON text', '"aGk="', 'hi'],
    ['other JSON', '{"a": 1}', '{"a": 1}'],
    ['base64 without its end', 'aGk', 'aGk'],
    ['a quote that is not closed', '"x', '"x'],
    ['nothing', '', ''],
  ])('%s becomes what it stands for', async (_, data, content) => {
    await invoke('create', 'f', data);
    expect(readFileSync(join(root, 'f'), 'utf8')).toBe(content);
  });

  test('bytes stay bytes', async () => {
    const data = Uint8Array.from({ length: 256 }, (_, index) => index);
    await invoke('create', 'f', data);
    expect(readFileSync(join(root, 'f'))).toEqual(Buffer.from(data));
  });

  test.each(['../secret', '/../../secret', 'a/../../secret', '..'])('%s stays within the folder', async (name) => {
    writeFileSync(join(folder, 'secret'), 'hidden');
    expect(await invoke('get', name).catch((error: Error) => error.message)).not.toContain('hidden');
    await invoke('create', name, 'new!').catch(() => {});
    await invoke('delete', name).catch(() => {});
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('hidden');
  });

  test.each(['out/secret', 'file', 'out/new', 'dangling'])('links do not lead out of the folder: %s', async (name) => {
    writeFileSync(join(folder, 'secret'), 'hidden');
    mkdirSync(root, { recursive: true });
    symlinkSync(folder, join(root, 'out'));
    symlinkSync(join(folder, 'secret'), join(root, 'file'));
    symlinkSync(join(folder, 'nothing'), join(root, 'dangling'));
    for (const operation of ['create', 'get', 'delete', 'list']) {
      await expect(invoke(operation, name, 'new!')).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('hidden');
  });

  test('links within the folder are followed', async () => {
    await invoke('create', 'real/f', 'here!');
    symlinkSync(join(root, 'real'), join(root, 'link'));
    expect(await invoke('get', 'link/f')).toBe('here!');
  });

  test.each([
    ['get', 'none', 'not-found', /file not found: .*none/],
    ['delete', 'none', 'not-found', /file not found/],
    ['list', 'none', 'not-found', /file not found/],
    ['get', '', 'invalid-argument', /get needs the metadata field fileName/],
    ['delete', '', 'invalid-argument', /delete needs the metadata field fileName/],
    ['get', 'a', 'invalid-argument', /EISDIR/],
    ['list', 'a/f', 'invalid-argument', /not a directory/],
    ['create', 'a', 'invalid-argument', /EISDIR/],
    ['create', 'a\0b', 'invalid-argument', /NUL/],
    ['move', 'a', 'unsupported', /unsupported operation move/],
  ])('%s of %j fails with %s', async (operation, name, code, message) => {
    await invoke('create', 'a/f', 'x');
    await expect(invoke(operation, name)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('rootPath', () => {
  test.each(['/proc', '/sys/kernel', '/boot/x', '/var/run/secrets/x', '/tmp/../proc'])(
    'may not be %s',
    async (path) => {
      await expect(openRoot(path)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(
          /^rootPath points to \/(proc|sys|boot|var\/run\/secrets|run\/secrets)/,
        ) as string,
      });
    },
  );

  test('may not lead there by a link', async () => {
    symlinkSync('/proc', join(folder, 'link'));
    await expect(openRoot(join(folder, 'link', 'self'))).rejects.toThrow(/rootPath points to \/proc/);
  });

  test('may not be a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(openRoot(join(folder, 'file'))).rejects.toThrow(/rootPath: cannot make the folder/);
  });
});
