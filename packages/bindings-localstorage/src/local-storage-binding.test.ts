import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

  test('a pipe is refused, and not waited for', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const operation of ['create', 'get']) {
      await expect(invoke(operation, 'pipe', 'x')).rejects.toMatchObject({ code: 'invalid-argument' });
    }
  });

  test('a device is refused: reading it may never end', async () => {
    binding = new LocalStorageBinding(await openRoot('/dev'));
    await expect(invoke('get', 'zero')).rejects.toMatchObject({
      code: 'invalid-argument',
      message: '/dev/zero is not a file but a device, a pipe or the like',
    });
  });

  test('a caller that goes is no failure of the file, and leaves no half of one', async () => {
    const data = Buffer.alloc(8 * 2 ** 20, 0);
    const gone = new Error('gone');
    const call = (operation: string) => {
      const caller = new AbortController();
      const calling = binding.invoke({ operation, data, metadata: { fileName: 'f' } }, caller.signal);
      setTimeout(() => caller.abort(gone));
      return calling;
    };
    await call('create').catch(() => {});
    expect(statSync(join(root, 'f')).size).toBe(data.length);
    expect(await call('get').catch((error: unknown) => error)).toSatisfy(
      (answer: unknown) => answer === gone || (answer as { data: Buffer }).data.length === data.length,
    );
  });

  test.each([`${'x'.repeat(300)}`, 'x/'.repeat(3000)])('a name that is too long is a mistake: %.20j', async (name) => {
    for (const operation of ['create', 'get', 'delete', 'list']) {
      await expect(invoke(operation, name)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('ENAMETOOLONG') as string,
      });
    }
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

  test('may be above them, but no name leads there', async () => {
    binding = new LocalStorageBinding(await openRoot('/'));
    for (const [operation, name] of [
      ['get', 'proc/self/environ'],
      ['list', '/proc/self'],
      ['create', 'sys/new'],
    ] as const) {
      await expect(invoke(operation, name)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(
          /^fileName ".+" leads to \/(proc|sys), which is not for files of apps/,
        ) as string,
      });
    }
  });

  test('may not lead there by a link', async () => {
    symlinkSync('/proc', join(folder, 'link'));
    await expect(openRoot(join(folder, 'link', 'self'))).rejects.toThrow(/rootPath points to \/proc/);
  });

  test('may not be a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(openRoot(join(folder, 'file'))).rejects.toThrow(/rootPath: cannot make the folder/);
  });
});
