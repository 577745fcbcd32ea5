import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { tailFile } from './tail-file.ts';

function scene(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-tail-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'app.log');
  writeFileSync(file, text);
  const abort = new AbortController();
  const next = async (lines: AsyncGenerator<string[]>) => (await lines.next()).value as string[] | undefined;
  return { file, abort, next };
}

test('reads the last lines and then those that are added, each when it is whole', async () => {
  const { file, abort, next } = scene('one\ntwo\nthr');
  const lines = tailFile(file, abort.signal);
  expect(await next(lines)).toEqual(['one', 'two']);
  appendFileSync(file, 'ee\nfö');
  expect(await next(lines)).toEqual(['three']);
  appendFileSync(file, 'ur\n');
  expect(await next(lines)).toEqual(['föur']);
  writeFileSync(file, 'new\n');
  expect(await next(lines)).toEqual(['new']);
  abort.abort();
  expect(await next(lines)).toBeUndefined();
});

test('begins in the middle of a long file, with a whole line', async () => {
  const { file, abort, next } = scene(`${'x'.repeat(100)}\nlast\n`);
  expect(await next(tailFile(file, abort.signal, 20))).toEqual(['last']);
});

test('rejects for a file that is not there', async () => {
  const { file, abort } = scene('');
  await expect(tailFile(`${file}.none`, abort.signal).next()).rejects.toThrow('ENOENT');
});
