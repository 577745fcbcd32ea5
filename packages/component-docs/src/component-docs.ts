import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { type ComponentDefinition, isComponentDefinition, metadataJsonSchema, metadataTable } from '@outrigger/core';

import type { GeneratedFiles } from './generated-files.ts';

const [start, end] = ['<!-- metadata:start -->', '<!-- metadata:end -->'];
/** Which file of a subpath is read, the first that is there. Sources stand first, so that nothing has to be built. */
const conditions = ['@outrigger/source', 'node', 'import', 'default'];

interface ComponentManifest {
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, unknown>> | string;
  readonly outrigger?: { readonly components?: Readonly<Record<string, string>> };
}

/**
 * What a component package says a second time because its definitions say it: the metadata tables of its README, between
 * `<!-- metadata:start -->` and `<!-- metadata:end -->`, and `schema/<type>.json` for each type. Paths are relative to `folder`,
 * which holds the package.json. Rejects with an Error that says what to mend; imports the definitions and runs nothing else.
 */
export async function componentDocs(folder: string): Promise<GeneratedFiles> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ComponentManifest;
  const definitions = await definitionsOf(folder, manifest);
  const files = new Map([['README.md', withTables(readFileSync(join(folder, 'README.md'), 'utf8'), definitions)]]);
  for (const definition of definitions) {
    const schema = JSON.stringify(metadataJsonSchema(definition), undefined, 2);
    files.set(`schema/${definition.type}.json`, `${schema}\n`);
  }
  return files;
}

/** The definitions that the manifest names; several types may share one (aliases). */
async function definitionsOf(
  folder: string,
  { files, exports: entries, outrigger }: ComponentManifest,
): Promise<ComponentDefinition[]> {
  const components = Object.entries(outrigger?.components ?? {});
  if (components.length === 0) throw new Error('package.json: "outrigger.components" names no component');
  if (files !== undefined && !files.includes('schema'))
    throw new Error('package.json: "files" lacks "schema", which is generated');
  const definitions: ComponentDefinition[] = [];
  for (const [subpath, types] of Map.groupBy(components, ([, path]) => path)) {
    const file = fileOf(typeof entries === 'string' ? { '.': entries } : (entries ?? {}), subpath);
    const module = (await import(pathToFileURL(join(folder, file)).href)) as { readonly default?: unknown };
    const definition = module.default;
    if (!isComponentDefinition(definition)) {
      throw new Error(`${file}: its default export is not what defineComponent returns`);
    }
    const declared = types.map(([type]) => type);
    if (!declared.includes(`${definition.type}/${definition.version}`)) {
      throw new Error(
        `package.json: "${subpath}" is ${definition.type}/${definition.version}, not ${declared.join(' or ')}`,
      );
    }
    definitions.push(definition);
  }
  return definitions;
}

function fileOf(entries: Readonly<Record<string, unknown>>, subpath: string): string {
  const target = entries[subpath];
  if (typeof target === 'string') return target;
  const byCondition = (typeof target === 'object' ? (target ?? {}) : {}) as Readonly<Record<string, unknown>>;
  const file = conditions.map((condition) => byCondition[condition]).find((path) => typeof path === 'string');
  if (file === undefined) throw new Error(`package.json: "exports" has no file for "${subpath}"`);
  return file;
}

function withTables(readme: string, definitions: readonly ComponentDefinition[]): string {
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`README.md: no ${start} followed by ${end}; put them where the table belongs`);
  const tables = definitions.map(({ type, metadata }) =>
    definitions.length > 1 ? `### Metadata of \`${type}\`\n\n${metadataTable(metadata)}` : metadataTable(metadata),
  );
  return `${readme.slice(0, from + start.length)}\n\n${tables.join('\n\n')}\n\n${readme.slice(to)}`;
}
