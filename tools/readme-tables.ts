import { join } from 'node:path';
import { componentDocs, staleFiles, writeFiles } from '@outrigger/component-docs';
import { errorMessage } from '@outrigger/core';
import { listings } from './listings.ts';
import { listPackages } from './packages.ts';

const catalogueFile = 'packages/runtime/src/resources/catalogue.json';

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
  const withComponents = listPackages(root).filter(({ manifest }) => manifest.outrigger && !manifest.private);
  for (const { folder, manifest } of withComponents) {
    for (const type of Object.keys(manifest.outrigger?.components ?? {})) catalogue[type] = manifest.name;
    try {
      for (const [file, text] of await componentDocs(join(root, folder))) files.set(`${folder}/${file}`, text);
    } catch (error) {
      problems.push(`${folder}: ${errorMessage(error)}`);
    }
  }
  const sorted = Object.entries(catalogue).toSorted(([a], [b]) => (a < b ? -1 : 1));
  files.set(catalogueFile, json(Object.fromEntries(sorted)));
  for (const [file, text] of listings(root)) files.set(file, text);
  return { files, problems };
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

if (import.meta.main) {
  const root = process.cwd();
  const { files, problems } = await generate(root);
  const checks = process.argv.includes('--check');
  for (const problem of problems) console.error(problem);
  const stale = checks ? staleFiles(root, files) : writeFiles(root, files);
  for (const file of stale) {
    if (checks) console.error(`${file} is stale: run npm run docs:tables`);
    else console.log(`wrote ${file}`);
  }
  if (problems.length > 0 || (checks && stale.length > 0)) process.exitCode = 1;
  else if (checks) console.log('Every table, schema and the catalogue say what the definitions say.');
}
