import { globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';
import type { Manifest } from './packages.ts';

type Dependencies = Readonly<Record<string, string>>;

/** What npm writes down of each package it has installed. */
interface Installed {
  readonly dependencies?: Dependencies;
  readonly optionalDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/**
 * Fills `target/node_modules` with what npm would install for one package alone, as links into an install of many, `source`. It holds
 * for a Node.js with `--preserve-symlinks`: what a package forgets to declare is then not found.
 */
export function installAlone(source: string, name: string, target: string): void {
  const lock = JSON.parse(readFileSync(join(source, 'node_modules/.package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Installed>>;
  };
  const paths = new Set([`node_modules/${name}`]);
  // a set hands out what is added while it is walked
  for (const path of paths) {
    for (const dependency of installedFor(lock.packages[path] ?? {})) {
      const found = resolved(path, dependency, lock.packages);
      if (found !== undefined) paths.add(found);
    }
  }
  for (const path of paths) {
    // what lies in another package came with that
    if (path.lastIndexOf('node_modules/') > 0) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    symlinkSync(join(source, path), join(target, path), 'dir');
  }
}

function installedFor({ dependencies, optionalDependencies, peerDependencies = {}, ...more }: Installed): string[] {
  const peers = Object.keys(peerDependencies).filter((peer) => !more.peerDependenciesMeta?.[peer]?.optional);
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
}

/** Where a package finds another: beside it, or beside one that it lies in. `undefined`: an optional one for another platform. */
function resolved(from: string, name: string, packages: Readonly<Record<string, Installed>>): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (folder === '') return undefined;
  }
}

/**
 * The packages that a package imports and its manifest does not declare: its code, lazily too, and the types of its entry points.
 * `folder`: where it is installed.
 */
export function undeclaredImports(folder: string, manifest: Manifest): string[] {
  const { dependencies, optionalDependencies, peerDependencies, name } = manifest;
  const declared = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  const files = new Set(globSync(['bin/**/*.js', 'dist/**/*.js'], { cwd: folder }));
  for (const target of Object.values(manifest.exports ?? {})) {
    if (isTyped(target)) files.add(join(target.types));
  }
  const found = new Set<string>();
  // a set hands out what is added while it is walked
  for (const file of files) {
    for (const specifier of importsOf(file, readFileSync(join(folder, file), 'utf8'))) {
      if (specifier.startsWith('.')) {
        if (file.endsWith('.d.ts')) files.add(join(dirname(file), specifier.replace(/\.[jt]s$/, '.d.ts')));
        continue;
      }
      const [scope = '', rest = ''] = specifier.split('/');
      const imported = scope.startsWith('@') ? `${scope}/${rest}` : scope;
      if (imported !== name && !declared.has(imported)) found.add(`${imported}, in ${file}`);
    }
  }
  return [...found];
}

function isTyped(target: unknown): target is { readonly types: string } {
  return typeof target === 'object' && target !== null && 'types' in target;
}

/** Those that name a package or another file. */
function importsOf(file: string, source: string): string[] {
  const { module } = parseSync(file, source.replace(/^#!.*/, ''));
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => source.slice(start, end));
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...dynamic.flatMap((text) => /^(['"])(.*)\1$/.exec(text)?.[2] ?? []),
    ...(file.endsWith('.d.ts') ? [...source.matchAll(/\bimport\(["']([^"']+)["']\)/g)].map(([, one = '']) => one) : []),
  ];
  return specifiers.filter((one) => !/^(node:|data:|#)/.test(one) && !builtinModules.includes(one));
}
