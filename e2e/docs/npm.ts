// Stands before npm on the PATH of a page whose packages are packed: what the page installs of ours comes as tarballs, as it would be
// published. Everything else is npm's.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPackages, withDependencies } from '../../tools/pack-packages.ts';

const [shims = '', ...words] = process.argv.slice(2);
const root = fileURLToPath(new URL('../..', import.meta.url));
// from here on, npm is npm
const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== shims);
process.env['PATH'] = path.join(delimiter);

const ours = words.filter((word) => word.startsWith('@outrigger/'));
const folder = mkdtempSync(join(tmpdir(), 'outrigger-tarballs-'));
try {
  const tarballs = ours.length === 0 ? [] : packPackages(root, withDependencies(root, ours), folder).values();
  const others = words.filter((word) => !ours.includes(word));
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  process.exitCode = spawnSync('npm', [...others, ...quietly, ...tarballs], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
