import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type ComponentName, UsageError } from './component-name.ts';
import { type Kind, kinds } from './kinds.ts';

const templates = fileURLToPath(new URL('../templates', import.meta.url));

/**
 * Makes the package of a component from the template of its kind; hands back the files, relative to its folder. Throws a UsageError,
 * and writes nothing, when there is anything in the folder already.
 */
export function createComponent({ folder, name, type }: ComponentName, kind: Kind, cwd: string): string[] {
  const target = resolve(cwd, folder);
  if (existsSync(target) && (!statSync(target).isDirectory() || readdirSync(target).length > 0))
    throw new UsageError(`${folder} is there already and not empty: choose another name, or remove it`);
  const { prefix, title } = kinds[kind];
  const texts: readonly (readonly [from: string, to: string])[] = [
    ['state.example', type],
    [`${prefix}.example`, type],
    [`${kind}-example`, name.replace(/^@.*\//, '')],
    ['outrigger-example', name],
    ['"description": "Example"', `"description": "An Outrigger component: ${title}"`],
    ['\nExample.\n', `\nA component for Outrigger: ${title}.\n`],
  ];
  const files = [...filesOf(join(templates, 'package')), ...filesOf(join(templates, kind))];
  for (const { file, path } of files) {
    const to = join(target, file);
    mkdirSync(dirname(to), { recursive: true });
    const text = texts.reduce((done, [before, after]) => done.replaceAll(before, after), readFileSync(path, 'utf8'));
    // wx: whatever has come in between stays as it is
    writeFileSync(to, text, { flag: 'wx' });
  }
  return files.map(({ file }) => file).toSorted();
}

/** npm packs no `.gitignore` and takes a `package.json` for one of its own, so those of the template have other names. */
const names: Readonly<Record<string, string>> = { gitignore: '.gitignore', 'manifest.json': 'package.json' };

function filesOf(folder: string): { readonly file: string; readonly path: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const file = path.slice(folder.length + 1).replaceAll('\\', '/');
      return { path, file: names[file] ?? file };
    });
}
