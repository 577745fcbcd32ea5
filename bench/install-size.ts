import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPackages, withDependencies } from '../tools/pack-packages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = ['@outrigger/sidecar', '@outrigger/state-in-memory', '@outrigger/pubsub-in-memory'];

export interface InstallSize {
  readonly mebibytes: number;
  readonly packageCount: number;
}

/** What `npm install` of the packed packages leaves on disk. Needs the registry, or a filled cache. */
export function benchInstallSize(): InstallSize {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-size-'));
  try {
    const tarballs = packPackages(root, withDependencies(root, packages), folder).values();
    writeFileSync(join(folder, 'package.json'), '{ "name": "size", "private": true }');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', ...tarballs], {
      cwd: folder,
      stdio: 'pipe',
    });
    const modules = join(folder, 'node_modules');
    const files = readdirSync(modules, { recursive: true, withFileTypes: true });
    const bytes = files
      .filter((file) => file.isFile())
      .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
    const packageCount = files.filter(
      (file) =>
        file.isDirectory() && /(^|\/)node_modules(\/@[^/]+)?$/.test(file.parentPath) && !/^[.@]/.test(file.name),
    ).length;
    return { mebibytes: bytes / 2 ** 20, packageCount };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
