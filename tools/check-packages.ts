import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { checkManifest } from './check-manifest.ts';
import { installAlone, undeclaredImports } from './install-alone.ts';
import { packPackages } from './pack-packages.ts';
import { listPackages, type Manifest, type Package } from './packages.ts';
import sizeBudgets from './size-budgets.json' with { type: 'json' };

/** Of each package when it is packed, in KiB. */
const budgets: Readonly<Record<string, number>> = sizeBudgets;

/** How TypeScript's users find the files of a package. */
const moduleOptions = {
  nodenext: { module: 'nodenext' },
  node16: { module: 'node16' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/**
 * What a user of the packed packages would trip over, one line each. They are installed from their tarballs, with all that they depend
 * on from the registry, in a folder of their own that is removed in the end. The packages must be built.
 *
 * @param nodes versions of Node.js that import every package beside the one this runs on, as npm writes them: `22`
 */
export async function checkPackages(root: string, nodes: readonly string[]): Promise<string[]> {
  const packages = listPackages(root).filter(({ manifest }) => !manifest.private);
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-consumer-'));
  try {
    refuseNeighbours(folder);
    const problems = packages.flatMap((one) => checkManifest(root, one));
    problems.push(...install(root, folder, packages));
    for (const one of packages) problems.push(...(await checkInstalled(folder, one)));
    const specifiers = packages.flatMap(({ manifest }) => entryPoints(manifest));
    problems.push(...useTypes(root, folder, specifiers), ...useCode(folder, specifiers, nodes));
    problems.push(...packages.flatMap(({ manifest }) => useAlone(folder, manifest)));
    return problems;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packages that lie above a folder are found from there, declared or not. */
function refuseNeighbours(folder: string): void {
  for (let above = dirname(folder); ; above = dirname(above)) {
    const found = join(above, 'node_modules');
    if (existsSync(found)) throw new Error(`${found} would be found by what is checked; set TMPDIR to another folder`);
    if (above === dirname(above)) return;
  }
}

/** Packs them and installs the tarballs, as a user would who has nothing else but Node.js' types. */
function install(root: string, folder: string, packages: readonly Package[]): string[] {
  const names = packages.map(({ manifest }) => manifest.name);
  const packed = packPackages(root, names, folder);
  const problems = packages.flatMap(({ folder: home, manifest: { name } }) => {
    const tarball = packed.get(name);
    if (tarball === undefined) return [`${home}: npm packs nothing`];
    return sizeProblems(name, statSync(tarball).size).map((problem) => `${home}: ${problem}`);
  });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const { devDependencies } = readManifest(root);
  const types = `@types/node@${devDependencies?.['@types/node']}`;
  const begun = performance.now();
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags, types, ...packed.values()], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(`installed ${packed.size} tarballs in ${Math.round((performance.now() - begun) / 1000)} s`);
  return problems;
}

/** What there is to say of one package as it was installed. */
async function checkInstalled(folder: string, { folder: home, manifest: { name } }: Package): Promise<string[]> {
  const pkgDir = join(folder, 'node_modules', name);
  const manifest = readManifest(pkgDir);
  const undeclared = undeclaredImports(pkgDir, manifest);
  const problems = undeclared.map((what) => `it imports what its manifest does not declare: ${what}`);
  const lint = await publint({ pkgDir, pack: false });
  for (const message of lint.messages) {
    // The condition for our own sources points at files that are not published; no consumer sets it.
    if (message.path.includes('@outrigger/source')) continue;
    // publint knows no shebang but node's; a command may start as a shell script that looks for its node.
    if (message.code === 'BIN_FILE_NOT_EXECUTABLE' && startsAsShell(pkgDir, manifest)) continue;
    problems.push(`${message.type}: ${formatMessage(message, lint.pkg, { color: false })}`);
  }
  return problems.map((problem) => `${home}: ${problem}`);
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

/** Whether its entry points can be imported, and its commands say how they are used, where nothing is installed but what it declares. */
function useAlone(folder: string, manifest: Manifest): string[] {
  const { name, bin = {} } = manifest;
  const target = join(folder, 'alone', name);
  installAlone(folder, name, target);
  const specifiers = entryPoints(manifest);
  writeFileSync(join(target, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(target, 'consumer.js'), specifiers.map((one) => `await import('${one}');\n`).join(''));
  const commands = Object.values(bin).map((file) => [resolve(target, 'node_modules', name, file), '--help']);
  return [...(specifiers.length > 0 ? [['consumer.js']] : []), ...commands].flatMap((args) => {
    const said = complaint(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', ...args], target);
    return said === undefined ? [] : [`${name}, installed alone: ${said}`];
  });
}

/** What a command that fails says, in a line; `undefined` where it ends with 0. */
function complaint(command: string, args: readonly string[], cwd: string): string | undefined {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return undefined;
  return /^\w*Error.*$/m.exec(stderr)?.[0] ?? `exit code ${status}: ${stderr.trim()}`;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
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
