import {
  type ComponentDefinition,
  type ComponentKind,
  errorMessage,
  isComponentDefinition,
  kindOfTypePrefix,
  nearestName,
  spiVersion,
} from '@outrigger/core';

import type { ComponentSource, WantedType } from './component-source.ts';
import { InstalledPackages, type ProvidedType } from './installed-packages.ts';
import { entryUrl } from './package-entry.ts';

export interface DefinitionOptions {
  /** Used before anything that is installed. */
  readonly definitions: readonly ComponentDefinition[];
  /** Folder from which packages are looked for, upwards. */
  readonly searchFrom: string;
  /** Further packages, by name or path. */
  readonly packages: readonly string[];
  /** Asked for what is not among the definitions, before the installed packages. */
  readonly source?: ComponentSource | undefined;
}

/** What stands behind a type, and the block it is for. */
export interface FoundDefinition {
  readonly kind: ComponentKind;
  readonly definition: ComponentDefinition;
}

/** Finds the definition behind a resource's type, and imports the package that holds it: then, and only that one. */
export class Definitions {
  readonly #given = new Map<string, ComponentDefinition>();
  readonly #installed: InstalledPackages;
  readonly #source: ComponentSource | undefined;
  readonly #modules = new Map<string, Promise<Readonly<Record<string, unknown>>>>();

  /** Throws an Error that says what to install when one of `packages` is not there or holds no components. */
  constructor({ definitions, searchFrom, packages, source }: DefinitionOptions) {
    this.#source = source;
    for (const definition of definitions) this.#given.set(keyOf(definition), definition);
    this.#installed = new InstalledPackages(searchFrom);
    for (const name of packages) {
      if (this.#installed.add(name) === undefined) {
        throw new Error(
          `the package ${name} is not there, or has no "outrigger" field in its package.json: install it, or correct its name or path`,
        );
      }
    }
  }

  /**
   * Rejects with an Error whose message says why there is none and, where it can, what to install. A type that nobody has is waited
   * for, until `patience` aborts, where one may still come.
   */
  async find(wanted: WantedType, patience?: AbortSignal): Promise<FoundDefinition> {
    const kind = kindOfTypePrefix.get(wanted.type.split('.')[0]?.toLowerCase() ?? '');
    if (kind === undefined) throw new Error(await unknownBlock(wanted.type));
    const key = keyOf(wanted);
    const given = this.#given.get(key) ?? (await this.#source?.find(wanted));
    const definition = given ?? (await this.#fromPackage(key)) ?? (await this.#source?.find(wanted, patience));
    if (definition === undefined) return this.#missing(wanted);
    if (definition.kind === kind) return { kind, definition };
    throw new Error(
      `${key} should be a component for the block ${kind}, but what provides it is one for ${definition.kind}`,
    );
  }

  /** The type that an installed package offers for a block when the user names none. */
  defaultFor(block: ComponentKind): WantedType | undefined {
    const [type, version] = this.#installed.defaultFor(block)?.key.split('/') ?? [];
    return type === undefined || version === undefined ? undefined : { type, version };
  }

  async #fromPackage(key: string): Promise<ComponentDefinition | undefined> {
    const provided = this.#installed.find(key);
    return provided && this.#import(key, provided);
  }

  async #import(key: string, provided: ProvidedType): Promise<ComponentDefinition> {
    const { name, spi } = provided.package;
    if (spi !== spiVersion) {
      throw new Error(
        `the package ${name} is made for version ${String(spi)} of the component contracts, this runtime has version ${spiVersion}: install a release of ${name} that fits`,
      );
    }
    const place = provided.subpath === '.' ? name : name + provided.subpath.slice(1);
    let exported;
    try {
      const url = entryUrl(provided);
      let module = this.#modules.get(url);
      if (module === undefined)
        this.#modules.set(url, (module = import(url) as Promise<Readonly<Record<string, unknown>>>));
      exported = await module;
    } catch (error) {
      throw new Error(`${place}, which provides ${key}, cannot be imported: ${errorMessage(error)}`, { cause: error });
    }
    const definitions = Object.values(exported).filter(isComponentDefinition);
    const definition =
      definitions.find((one) => keyOf(one) === key) ??
      (isComponentDefinition(exported['default']) ? exported['default'] : definitions[0]);
    if (definition !== undefined) return definition;
    throw new Error(
      `${place} should export a component definition for ${key}, made with defineComponent, as its default; it exports ${Object.keys(exported).join(', ') || 'nothing'}`,
    );
  }

  async #missing(wanted: WantedType): Promise<never> {
    const key = keyOf(wanted);
    const catalogue = await readCatalogue();
    const known = new Set([
      ...Object.keys(catalogue),
      ...this.#given.keys(),
      ...this.#installed.types().map((one) => one.key),
    ]);
    const [type = '', version] = key.split('/');
    const elsewhere = await this.#source?.missing(wanted);
    const unprovided = `no installed package provides ${key}${elsewhere === undefined ? '' : ` (and ${elsewhere})`}`;
    if (catalogue[key] !== undefined) throw new Error(`${unprovided}. Run: npm install ${catalogue[key]}`);
    const versions = [...known].filter((one) => one.startsWith(`${type}/`)).map((one) => one.slice(type.length + 1));
    if (versions.length > 0)
      throw new Error(`${unprovided}: ${type} has no version ${version}, but ${versions.join(', ')}`);
    const block = type.split('.')[0] ?? '';
    const inBlock = [...known].filter((one) => one.startsWith(`${block}.`));
    const nearName = nearestName(type.slice(block.length), new Set(inBlock.map((one) => nameIn(block, one))));
    const near = inBlock.find((one) => nameIn(block, one) === nearName);
    if (near !== undefined) {
      const install = catalogue[near] === undefined || this.#isThere(near) ? '' : ` (npm install ${catalogue[near]})`;
      throw new Error(`${unprovided}; did you mean ${near.split('/')[0]}?${install}`);
    }
    const types = inBlock.map((one) => one.replace(/\/v1$/, '')).toSorted();
    throw new UnknownTypeError(`${unprovided}${types.length === 0 ? '' : `. Known types: ${types.join(', ')}`}`);
  }

  #isThere(key: string): boolean {
    return this.#given.has(key) || this.#installed.types().some((one) => one.key === key);
  }
}

/** Neither an installed package nor one that could be installed is known to provide the type, nor one with a similar name. */
export class UnknownTypeError extends Error {
  override readonly name = 'UnknownTypeError';
}

function keyOf({ type, version }: WantedType): string {
  return `${type}/${version}`.toLowerCase();
}

/** `.in-memory` of `state.in-memory/v1`. */
function nameIn(block: string, key: string): string {
  return key.slice(block.length, key.lastIndexOf('/'));
}

async function unknownBlock(type: string): Promise<string> {
  const near = nearestName(
    type,
    Object.keys(await readCatalogue()).map((key) => key.split('/')[0] ?? ''),
  );
  const hint =
    near === undefined
      ? `the first word of a type is one of ${[...kindOfTypePrefix.keys()].join(', ')}`
      : `did you mean ${near}?`;
  return `no building block takes components of type ${type}; ${hint}`;
}

/** Type and version to the package of ours that holds it; only needed when something is missing. */
export async function readCatalogue(): Promise<Readonly<Record<string, string>>> {
  const module = await import('../resources/catalogue.json', { with: { type: 'json' } });
  return module.default;
}
