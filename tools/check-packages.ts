import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packPackages } from './pack-packages.ts';
import { listPackages, type Manifest } from './packages.ts';
import sizeBudgets from './size-budgets.json' with { type: 'json' };

// Inside the root's node_modules, so that third-party packages are found there and ours only as they were packed.
const consumer = 'node_modules/.cache/outrigger-consumer';

/** Of each package when it is packed, in KiB. */
const budgets: Readonly<Record<string, number>> = sizeBudgets;

/** How TypeScript's users find the files of a package. */
const moduleOptions = {
  nodenext: { module: 'nodenext' },
  node16: { module: 'node16' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/**
 * What a user of the packed packages would trip over, one line each. The packages must be built.
 *
 * @param nodes versions of Node.js that import every package beside the one this runs on, as npm writes them: `22`
 */
export async function checkPackages(root: string, nodes: readonly string[]): Promise<string[]> {
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
    problems.push(...sizeProblems(manifest.name, statSync(tarball).size).map((problem) => `${home}: ${problem}`));

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
  return [...problems, ...useTypes(root, folder, specifiers), ...useCode(folder, specifiers, nodes)];
}

/** A package grows when somebody means it to: then its budget in `tools/size-budgets.json` does as well. */
function sizeProblems(name: string, bytes: number): string[] {
  const budget = budgets[name];
  const kibibytes = Math.ceil(bytes / 1024);
  if (budget === undefined) return [`tools/size-budgets.json has no budget for it; packed it has ${kibibytes} KiB`];
  if (kibibytes <= budget) return [];
  return [
    `packed it has ${kibibytes} KiB, and ${budget} in tools/size-budgets.json: is all of that needed by its users?`,
  ];
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
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  return Object.entries(moduleOptions).flatMap(([name, module]) => {
    const compilerOptions = { ...module, strict: true, noEmit: true, skipLibCheck: false, types: ['node'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    const output = run(process.execPath, [tsc, '-p', 'tsconfig.json', '--pretty', 'false'], folder);
    const lines = output.split('\n').filter((line) => /^(consumer\.ts|node_modules\/@outrigger\/|error)/.test(line));
    return lines.map((line) => `with module resolution ${name}: ${line}`);
  });
}

/** What Node.js says against importing an entry point. */
function useCode(folder: string, specifiers: readonly string[], nodes: readonly string[]): string[] {
  const attempt = (specifier: string) =>
    `await import('${specifier}').catch((error) => console.log('${specifier}: ' + error.message));\n`;
  const version = "console.log('on Node.js ' + process.version);\n";
  writeFileSync(join(folder, 'consumer.js'), version + specifiers.map(attempt).join(''));
  const commands = [
    [process.execPath, 'consumer.js'],
    ...nodes.map((node) => ['npm', 'exec', '--yes', `--package=node@${node}`, '--', 'node', 'consumer.js']),
  ];
  return commands.flatMap(([command = '', ...args]) => {
    const [on = '', ...lines] = run(command, args, folder).split('\n').filter(Boolean);
    if (!on.startsWith('on Node.js ')) return [`${command} ${args.join(' ')} did not run: ${[on, ...lines].join(' ')}`];
    console.log(`imported ${on}`);
    return lines.map((line) => `${on}: ${line}`);
  });
}

/** What a command writes to standard output, whatever its exit code. */
function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8' });
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error);
  }
}

// npm run check:packages [-- --node 22]
if (import.meta.main) {
  const { values } = parseArgs({ options: { node: { type: 'string', multiple: true, default: [] } } });
  const problems = await checkPackages(process.cwd(), values.node);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log('Every package works as it would be published.');
}
