import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { ProvidedType } from './installed-packages.ts';

/**
 * The URL of the module behind a package's subpath, through its exports map and under the conditions this process runs with.
 * Throws Node's error when the package does not export it.
 */
export function entryUrl({ package: { name, folder }, subpath }: ProvidedType): string {
  const require = createRequire(join(folder, 'package.json'));
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports?: unknown };
  // Without exports a package cannot name itself, and a path into it is free.
  const request = exports === undefined ? join(folder, subpath) : name + subpath.slice(1);
  let path: string;
  try {
    path = require.resolve(request);
  } catch (error) {
    // `require` does not take the condition `import`, which stands alone in some packages.
    const target = importTarget(exports, subpath);
    if (target === undefined) throw error;
    path = join(folder, target);
  }
  return pathToFileURL(path).href;
}

function importTarget(exports: unknown, subpath: string): string | undefined {
  if (typeof exports === 'string') return subpath === '.' ? exports : undefined;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const hasSubpaths = Object.keys(exports).some((key) => key.startsWith('.'));
  const entry = hasSubpaths ? (exports as Record<string, unknown>)[subpath] : subpath === '.' ? exports : undefined;
  return targetOf(entry);
}

function targetOf(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry;
  if (typeof entry !== 'object' || entry === null) return undefined;
  for (const [condition, nested] of Object.entries(entry)) {
    const target =
      condition === 'import' || condition === 'node' || condition === 'default' ? targetOf(nested) : undefined;
    if (target !== undefined) return target;
  }
  return undefined;
}
