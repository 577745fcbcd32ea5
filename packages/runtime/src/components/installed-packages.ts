import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One component type of an installed package, as the package's manifest has it. */
export interface ProvidedType {
  /** `state.in-memory/v1`, in lower case. */
  readonly key: string;
  /** `.` or `./file`: looked up in the package's exports. */
  readonly subpath: string;
  readonly package: InstalledPackage;
}

export interface InstalledPackage {
  readonly name: string;
  readonly folder: string;
  /** Version of the contracts that it is made for. */
  readonly spi: unknown;
  readonly types: readonly ProvidedType[];
  /** Blocks for which it is used when nothing else is named, with a priority: the highest wins. */
  readonly defaultFor: Readonly<Record<string, number>>;
}

interface Manifest {
  readonly name?: unknown;
  readonly outrigger?: { readonly spi?: unknown; readonly components?: unknown; readonly defaultFor?: unknown };
  readonly [dependencies: string]: unknown;
}

const here = dirname(fileURLToPath(import.meta.url));

/**
 * The packages around a folder that say in their manifest which component types they hold. Looks only as far as it must:
 * first at the packages named, then at the direct dependencies of the projects around the folder, then at the packages beside
 * the runtime itself; at everything in the `node_modules` upwards only when a type is still missing. The first one found wins.
 */
export class InstalledPackages {
  readonly #searchFrom: string;
  readonly #seen = new Set<string>();
  readonly #packages: InstalledPackage[] = [];
  readonly #stages: (() => void)[];

  constructor(searchFrom: string) {
    this.#searchFrom = resolve(searchFrom);
    this.#stages = [
      () => this.#readDependencies(),
      () => this.#readScopeOfRuntime(),
      () => this.#readEverything(this.#searchFrom),
      () => this.#readEverything(here),
    ];
  }

  /**
   * Puts a package first, by name or by path. `undefined` when there is none, or when it holds no components.
   */
  add(nameOrPath: string): InstalledPackage | undefined {
    const isPath = isAbsolute(nameOrPath) || nameOrPath.startsWith('.');
    const folders = isPath
      ? [resolve(this.#searchFrom, nameOrPath)]
      : [this.#searchFrom, here].flatMap((from) => modulesAbove(from).map((modules) => join(modules, nameOrPath)));
    for (const folder of folders) {
      const manifest = readManifest(folder);
      if (manifest !== undefined) return this.#take(folder, manifest);
    }
    return undefined;
  }

  /** Who provides `type/version`; looks further while nobody does. */
  find(key: string): ProvidedType | undefined {
    for (;;) {
      const found = this.types().find((one) => one.key === key);
      if (found !== undefined) return found;
      if (!this.#lookFurther()) return undefined;
    }
  }

  /** The type to use for a block when the user names none; among what is near, not everything in `node_modules`. */
  defaultFor(block: string): ProvidedType | undefined {
    while (this.#stages.length > 2) this.#lookFurther();
    const candidates = this.#packages.filter((one) => one.defaultFor[block] !== undefined);
    const [first] = candidates.toSorted((a, b) => (b.defaultFor[block] ?? 0) - (a.defaultFor[block] ?? 0));
    return first?.types.find(({ key }) => key.startsWith(`${block}.`));
  }

  /** All that is installed around the folder; reads everything there. */
  all(): readonly InstalledPackage[] {
    while (this.#lookFurther());
    return this.#packages;
  }

  /** What has been found so far. */
  types(): ProvidedType[] {
    return this.#packages.flatMap((one) => one.types);
  }

  #lookFurther(): boolean {
    const stage = this.#stages.shift();
    stage?.();
    return stage !== undefined;
  }

  #readDependencies(): void {
    for (const folder of foldersAbove(this.#searchFrom)) {
      const manifest = readManifest(folder);
      if (manifest === undefined) continue;
      this.#take(folder, manifest);
      for (const list of ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies']) {
        for (const name of Object.keys(manifest[list] ?? {})) {
          modulesAbove(folder).some((modules) => this.#takeFolder(join(modules, name)));
        }
      }
    }
  }

  /** `node_modules/@outrigger`, or whatever scope the runtime is installed under. */
  #readScopeOfRuntime(): void {
    const scope = ownName().split('/')[0] ?? '';
    for (const modules of modulesAbove(here)) {
      for (const name of list(join(modules, scope))) this.#takeFolder(join(modules, scope, name));
    }
  }

  #readEverything(from: string): void {
    for (const modules of modulesAbove(from)) {
      for (const name of list(modules)) {
        if (name.startsWith('.')) continue;
        if (!name.startsWith('@')) this.#takeFolder(join(modules, name));
        else for (const inScope of list(join(modules, name))) this.#takeFolder(join(modules, name, inScope));
      }
    }
  }

  /** Whether there is a package in the folder. Of the hundreds that hold no components, none is parsed. */
  #takeFolder(folder: string): boolean {
    const text = readManifestText(folder);
    const manifest = text?.includes('"outrigger"') ? parseManifest(text) : undefined;
    if (manifest !== undefined) this.#take(folder, manifest);
    return text !== undefined;
  }

  #take(folder: string, manifest: Manifest): InstalledPackage | undefined {
    const { outrigger, name } = manifest;
    if (typeof outrigger?.components !== 'object' || outrigger.components === null || typeof name !== 'string')
      return undefined;
    const real = realpathSync(folder);
    if (this.#seen.has(real)) return this.#packages.find((one) => one.folder === real);
    this.#seen.add(real);
    const types: ProvidedType[] = [];
    const found: InstalledPackage = {
      name,
      folder: real,
      spi: outrigger.spi,
      types,
      defaultFor: prioritiesOf(outrigger.defaultFor),
    };
    for (const [type, subpath] of Object.entries(outrigger.components)) {
      const key = (type.includes('/') ? type : `${type}/v1`).toLowerCase();
      if (typeof subpath === 'string') types.push({ key, subpath, package: found });
    }
    this.#packages.push(found);
    return found;
  }
}

/** `["nameresolution"]`, or `{"nameresolution": 10}` with a priority; a list means priority 0. */
function prioritiesOf(defaultFor: unknown): Record<string, number> {
  if (Array.isArray(defaultFor)) return Object.fromEntries(defaultFor.map((block) => [String(block), 0]));
  return typeof defaultFor === 'object' && defaultFor !== null ? { ...(defaultFor as Record<string, number>) } : {};
}

function ownName(): string {
  for (const folder of foldersAbove(here)) {
    const name = readManifest(folder)?.name;
    if (typeof name === 'string') return name;
  }
  return '';
}

function foldersAbove(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersAbove(parent)];
}

function modulesAbove(folder: string): string[] {
  return foldersAbove(folder).map((one) => (one.endsWith('node_modules') ? one : join(one, 'node_modules')));
}

function readManifest(folder: string): Manifest | undefined {
  const text = readManifestText(folder);
  return text === undefined ? undefined : parseManifest(text);
}

function readManifestText(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, 'package.json'), 'utf8');
  } catch {
    return undefined; // no package
  }
}

/** `undefined` for one that is no JSON: it may be anybody's, and is passed over. */
function parseManifest(text: string): Manifest | undefined {
  try {
    const manifest: unknown = JSON.parse(text);
    return typeof manifest === 'object' && manifest !== null ? (manifest as Manifest) : undefined;
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
