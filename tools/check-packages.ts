import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packPackages } from './pack-packages.ts';
import { listPackages, type Manifest } from './packages.ts';

// Inside the root's node_modules, so that third-party packages are found there and ours only as they were packed.
const consumer = 'node_modules/.cache/outrigger-consumer';

/** What a user of the packed packages would trip over, one line each. The packages must be built. */
export async function checkPackages(root: string): Promise<string[]> {
  const packages = listPackages(root).filter(({ manifest }) => !manifest.private);
  const folder = join(root, consumer);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'node_modules'), { recursive: true });

  const problems: string[] = [];
  const packed = packPackages(
    root,
    packages.map((entry) => entry.manifest.name),
    folder,
  );
  for (const { folder: home, manifest } of packages) {
    const tarball = packed.get(manifest.name);
    if (!tarball) {
      problems.push(`${home}: npm packs nothing`);
      continue;
    }
    problems.push(...checkManifest(root, home, manifest).map((problem) => `${home}: ${problem}`));

    const target = join(folder, 'node_modules', manifest.name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);

    const lint = await publint({ pkgDir: target, pack: false });
    for (const message of lint.messages) {
      // The condition for our own sources points at files that are not published; no consumer sets it.
      if (message.path.includes('@outrigger/source')) continue;
      // publint knows no shebang but node's; a command may start as a shell script that looks for its node.
      if (message.code === 'BIN_FILE_NOT_EXECUTABLE' && startsAsShell(target, manifest)) continue;
      problems.push(`${home}: ${message.type}: ${formatMessage(message, lint.pkg, { color: false })}`);
    }
  }
  const specifiers = packages.flatMap(({ manifest }) => entryPoints(manifest));
  return [...problems, ...useTypes(root, folder, specifiers), ...useCode(folder, specifiers)];
}

function startsAsShell(folder: string, { bin = {} }: Manifest): boolean {
  return Object.values(bin).every((file) => readFileSync(join(folder, file), 'utf8').startsWith('#!/bin/sh\n'));
}

function checkManifest(root: string, home: string, manifest: Manifest): string[] {
  const problems: string[] = [];
  const license = readFileSync(join(root, 'LICENSE'), 'utf8');
  if (!isText(join(root, home, 'LICENSE'), license)) problems.push('LICENSE is not a copy of the one at the root');
  for (const [type, subpath] of Object.entries(manifest.outrigger?.components ?? {})) {
    if (!manifest.exports?.[subpath])
      problems.push(`"outrigger.components" has ${type} in "${subpath}", which "exports" lacks`);
  }
  return problems;
}

function isText(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8') === text;
  } catch {
    return false;
  }
}

function entryPoints({ name, exports = {} }: Manifest): string[] {
  return Object.entries(exports)
    .filter(([subpath, target]) => subpath !== './package.json' && !isForTests(target))
    .map(([subpath]) => name + subpath.slice(1));
}

/** What only tests in this repository import, from its source. */
function isForTests(target: unknown): boolean {
  return typeof target === 'object' && target !== null && Object.keys(target).join() === '@outrigger/source';
}

/** Type errors of a TypeScript program that imports every entry point, with none of our compiler options. */
function useTypes(root: string, folder: string, specifiers: readonly string[]): string[] {
  const code = specifiers.map((specifier, index) => `export * as _${index} from '${specifier}';\n`).join('');
  writeFileSync(join(folder, 'consumer.ts'), code);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const options = { module: 'nodenext', strict: true, noEmit: true, skipLibCheck: false, types: ['node'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const output = run([tsc, '-p', 'tsconfig.json', '--pretty', 'false'], folder);
  return output.split('\n').filter((line) => /^(consumer\.ts|node_modules\/@outrigger\/)/.test(line));
}

/** What Node.js says against importing an entry point. */
function useCode(folder: string, specifiers: readonly string[]): string[] {
  const attempt = (specifier: string) =>
    `await import('${specifier}').catch((error) => console.log('${specifier}: ' + error.message));\n`;
  writeFileSync(join(folder, 'consumer.js'), specifiers.map(attempt).join(''));
  return run(['consumer.js'], folder).split('\n').filter(Boolean);
}

/** What a Node.js process writes to standard output, whatever its exit code. */
function run(args: readonly string[], cwd: string): string {
  try {
    return execFileSync(process.execPath, args, { cwd, encoding: 'utf8' });
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error);
  }
}

if (import.meta.main) {
  const problems = await checkPackages(process.cwd());
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log('Every package works as it would be published.');
}
