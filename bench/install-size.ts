import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The sidecar and two components, with what they need of ours. */
const packages = [
  'packages/core',
  'packages/protocol',
  'packages/grpc',
  'packages/pluggable',
  'packages/runtime',
  'apps/sidecar',
  'packages/state-in-memory',
  'packages/pubsub-in-memory',
];

export interface InstallSize {
  readonly mebibytes: number;
  readonly packageCount: number;
}

/** What `npm install` of the packed packages leaves on disk. Needs the registry, or a filled cache. */
export function benchInstallSize(): InstallSize {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-size-'));
  try {
    const tarballs = packages.map((path) => {
      const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
        cwd: join(root, path),
        encoding: 'utf8',
      });
      return join(folder, packed.trim());
    });
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
