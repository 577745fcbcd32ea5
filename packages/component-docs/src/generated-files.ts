import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Contents by path, relative to the folder they belong to. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** Those files that are not there as they have to be. */
export function staleFiles(folder: string, files: GeneratedFiles): string[] {
  const isCurrent = (path: string, text: string) => existsSync(path) && readFileSync(path, 'utf8') === text;
  return [...files].filter(([file, text]) => !isCurrent(join(folder, file), text)).map(([file]) => file);
}

/** Writes those that are stale; hands back which. */
export function writeFiles(folder: string, files: GeneratedFiles): string[] {
  const stale = staleFiles(folder, files);
  for (const file of stale) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, files.get(file) ?? '');
  }
  return stale;
}
