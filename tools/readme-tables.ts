import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type ComponentDefinition,
  errorMessage,
  isComponentDefinition,
  metadataJsonSchema,
  metadataTable,
} from '@outrigger/core';
import { listings } from './listings.ts';
import { listPackages, type Package } from './packages.ts';

const catalogueFile = 'packages/runtime/src/resources/catalogue.json';
const [start, end] = ['<!-- metadata:start -->', '<!-- metadata:end -->'];

interface Generated {
  /** Contents by path, relative to the root. */
  readonly files: ReadonlyMap<string, string>;
  /** One line for each package that could not be read. */
  readonly problems: readonly string[];
}

/**
 * Everything that is written down a second time because a definition or a manifest says it: the metadata tables of the
 * READMEs, a JSON Schema per component type, the catalogue of types and packages, and the lists of packages and flags.
 */
export async function generate(root: string): Promise<Generated> {
  const files = new Map<string, string>();
  const problems: string[] = [];
  const catalogue: Record<string, string> = {};
  for (const entry of listPackages(root).filter(({ manifest }) => manifest.outrigger && !manifest.private)) {
    const { folder, manifest } = entry;
    for (const type of Object.keys(manifest.outrigger?.components ?? {})) catalogue[type] = manifest.name;
    try {
      const definitions = await definitionsOf(root, entry);
      const readme = `${folder}/README.md`;
      files.set(readme, withTables(readFileSync(join(root, readme), 'utf8'), definitions));
      for (const definition of definitions) {
        files.set(`${folder}/schema/${definition.type}.json`, json(metadataJsonSchema(definition)));
      }
    } catch (error) {
      problems.push(`${folder}: ${errorMessage(error)}`);
    }
  }
  const sorted = Object.entries(catalogue).toSorted(([a], [b]) => (a < b ? -1 : 1));
  files.set(catalogueFile, json(Object.fromEntries(sorted)));
  for (const [file, text] of listings(root)) files.set(file, text);
  return { files, problems };
}

/** The definitions that a package's manifest names, imported from its sources; several types may share one (aliases). */
async function definitionsOf(root: string, { folder, manifest }: Package): Promise<ComponentDefinition[]> {
  if (!manifest.files?.includes('schema')) throw new Error('package.json: "files" lacks "schema", which is generated');
  const definitions: ComponentDefinition[] = [];
  for (const [subpath, types] of Map.groupBy(
    Object.entries(manifest.outrigger?.components ?? {}),
    ([, path]) => path,
  )) {
    const target = manifest.exports?.[subpath] as { readonly '@outrigger/source'?: string } | undefined;
    const source = target?.['@outrigger/source'];
    if (!source) throw new Error(`package.json: "exports" has no "@outrigger/source" for "${subpath}"`);
    const module = (await import(pathToFileURL(join(root, folder, source)).href)) as { readonly default?: unknown };
    const definition = module.default;
    if (!isComponentDefinition(definition)) {
      throw new Error(`${source}: its default export is not what defineComponent returns`);
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

function withTables(readme: string, definitions: readonly ComponentDefinition[]): string {
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`README.md: no ${start} followed by ${end}; put them where the table belongs`);
  const tables = definitions.map(({ type, metadata }) =>
    definitions.length > 1 ? `### Metadata of \`${type}\`\n\n${metadataTable(metadata)}` : metadataTable(metadata),
  );
  return `${readme.slice(0, from + start.length)}\n\n${tables.join('\n\n')}\n\n${readme.slice(to)}`;
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

if (import.meta.main) {
  const root = process.cwd();
  const { files, problems } = await generate(root);
  const stale = [...files].filter(([file, text]) => textOf(join(root, file)) !== text);
  const checks = process.argv.includes('--check');
  for (const problem of problems) console.error(problem);
  for (const [file, text] of stale) {
    if (checks) {
      console.error(`${file} is stale: run npm run docs:tables`);
    } else {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
      console.log(`wrote ${file}`);
    }
  }
  if (problems.length > 0 || (checks && stale.length > 0)) process.exitCode = 1;
  else if (checks) console.log('Every table, schema and the catalogue say what the definitions say.');
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
