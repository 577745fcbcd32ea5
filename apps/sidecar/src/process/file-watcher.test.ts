import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@outrigger/core';
import { expect, onTestFinished, test } from 'vitest';

import { FileWatcher } from './file-watcher.ts';

function watched(reconcileInterval = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-watch-'));
  let changes = 0;
  const watcher = new FileWatcher({
    folders: [folder],
    what: 'resources',
    onChange: async () => void changes++,
    reconcileInterval,
    logger: silentLogger,
  });
  onTestFinished(() => {
    watcher[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, changes: () => changes };
}

const limit = { timeout: 30_000 };

test('a file that is written, renamed over another and removed is noticed', async () => {
  const { folder, changes } = watched();
  writeFileSync(join(folder, 'a.yaml'), 'one');
  await expect.poll(changes, limit).toBe(1);
  writeFileSync(join(folder, 'a.yaml~'), 'two');
  renameSync(join(folder, 'a.yaml~'), join(folder, 'a.yaml'));
  await expect.poll(changes, limit).toBe(2);
  rmSync(join(folder, 'a.yaml'));
  await expect.poll(changes, limit).toBe(3);
});

test('a symbolic link that is swapped, as Kubernetes does it, is noticed', async () => {
  const { folder, changes } = watched();
  mkdirSync(join(folder, '..2'));
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await expect.poll(changes, limit).toBeGreaterThan(0);
});

test('everything is looked at again after the interval', async () => {
  const { changes } = watched(20);
  await expect.poll(changes, limit).toBeGreaterThan(2);
});

test('of a folder with other files only the ones that are named count, replaced ones too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-watch-'));
  let changes = 0;
  writeFileSync(join(folder, 'config.yaml'), 'one');
  const watcher = new FileWatcher({
    files: [join(folder, 'config.yaml')],
    what: 'Configuration',
    onChange: async () => void changes++,
    reconcileInterval: 0,
    logger: silentLogger,
  });
  onTestFinished(() => {
    watcher[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  writeFileSync(join(folder, 'data.db'), 'busy');
  writeFileSync(join(folder, 'config.yaml~'), 'two');
  renameSync(join(folder, 'config.yaml~'), join(folder, 'config.yaml'));
  await expect.poll(() => changes, limit).toBe(1);
  writeFileSync(join(folder, 'data.db'), 'busy again');
  writeFileSync(join(folder, 'config.yaml'), 'three');
  await expect.poll(() => changes, limit).toBe(2);
});
