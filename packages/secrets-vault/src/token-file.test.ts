import { mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TokenFile } from './token-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a token is read without the blanks around it', async () => {
  const path = join(folder, 'token');
  await writeFile(path, ' s.abc\n');
  expect(await (await TokenFile.open(path, silentLogger)).token()).toBe('s.abc');
});

it('a link that leads to another file is a change, as Kubernetes mounts files', async () => {
  const path = join(folder, 'link');
  await writeFile(join(folder, 'one'), 'one');
  await writeFile(join(folder, 'two'), 'two');
  await symlink('one', path);
  const file = await TokenFile.open(path, silentLogger);
  await unlink(path);
  await symlink('two', path);
  expect(await file.token()).toBe('two');
  expect(await file.replace('one')).toBe(true);
  expect(await file.replace('two')).toBe(false);
});

it.each([
  ['is missing', undefined, /vaultTokenMountPath cannot be read: ENOENT/],
  ['is empty', '\n', /is empty/],
  ['holds more than a token', 'hunter2 hunter2', /holds more than a token/],
])('a file that %s is an error that quotes nothing of it', async (_, content, message) => {
  const path = join(folder, 'bad');
  await rm(path, { force: true });
  if (content !== undefined) await writeFile(path, content);
  const error: unknown = await TokenFile.open(path, silentLogger).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(message) });
  expect(String(error)).not.toContain('hunter2');
});
