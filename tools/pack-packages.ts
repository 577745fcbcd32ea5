import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listPackages } from './packages.ts';

interface Packed {
  readonly name: string;
  readonly filename: string;
}

/** Packs workspace packages as they would be published into a folder that exists: the tarball of each by its name. They must be built. */
export function packPackages(root: string, names: readonly string[], folder: string): Map<string, string> {
  const flags = names.flatMap((name) => ['--workspace', name]);
  const stdout = execFileSync('npm', ['pack', '--json', '--pack-destination', folder, ...flags], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  return new Map(Object.values(packed).map(({ name, filename }) => [name, join(folder, filename)]));
}

/** These packages and all of the workspace that they install, optional ones too: what an `npm install` of tarballs must be given. */
export function withDependencies(root: string, names: readonly string[]): string[] {
  const manifests = new Map(listPackages(root).map(({ manifest }) => [manifest.name, manifest]));
  const found = new Set(names);
  // a set hands out what is added while it is walked
  for (const name of found) {
    const manifest = manifests.get(name);
    if (!manifest) throw new Error(`no package of the workspace is called ${name}`);
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      if (manifests.has(dependency)) found.add(dependency);
    }
  }
  return [...found];
}

// npm run pack -- FOLDER PACKAGE…: their tarballs, and those of all they install of ours, for `npm install FOLDER/*.tgz`
if (import.meta.main) {
  const [folder, ...names] = process.argv.slice(2);
  if (folder === undefined || names.length === 0) {
    console.error('npm run pack -- FOLDER PACKAGE…, for example: npm run pack -- ../tarballs @outrigger/cli');
    process.exitCode = 2;
  } else {
    mkdirSync(folder, { recursive: true });
    const root = fileURLToPath(new URL('..', import.meta.url));
    const tarballs = packPackages(root, withDependencies(root, names), resolve(folder));
    console.log(
      `packed ${tarballs.size} packages; in your project: npm install ${relative(process.cwd(), folder)}/*.tgz`,
    );
  }
}
