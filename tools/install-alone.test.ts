import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { installAlone, undeclaredImports } from './install-alone.ts';

/** A folder with these files. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'outrigger-alone-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

it('a package alone has what it and its dependencies declare, and no more', () => {
  const packages = {
    'node_modules/a': { dependencies: { b: '1', c: '1' }, peerDependencies: { d: '1', e: '1' } },
    'node_modules/a/node_modules/b': { dependencies: { f: '1' }, optionalDependencies: { other: '1' } },
    'node_modules/b': {},
    'node_modules/c': { peerDependencies: { e: '1' }, peerDependenciesMeta: { e: { optional: true } } },
    'node_modules/d': {},
    'node_modules/e': {},
    'node_modules/f': {},
    'node_modules/g': {},
  };
  const lock = { 'node_modules/.package-lock.json': JSON.stringify({ packages }) };
  const files = Object.keys(packages).map((path) => [`${path}/package.json`, '{}'] as const);
  const source = folderOf({ ...lock, ...Object.fromEntries(files) });
  const there = (name: string) => {
    const target = join(source, 'alone', name);
    installAlone(source, name, target);
    return ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter((one) => existsSync(join(target, 'node_modules', one)));
  };
  // its own b lies in it
  expect(there('a')).toEqual(['a', 'c', 'd', 'e', 'f']);
  expect(there('c')).toEqual(['c']);
});

it('imports that are not declared are found: in code, lazily, and in the types that can be reached', () => {
  const folder = folderOf({
    'dist/index.js':
      "import 'node:fs'; import 'own'; import 'dear/deep'; import('@lazy/one/deep'); import(`./${0}.js`);",
    'dist/index.d.ts': "export * from './more.js';\nexport type A = import('typed').A;",
    'dist/more.d.ts': "import type { B } from '@types-of/b';\nexport type C = B;",
    'dist/unreached.d.ts': "import type { D } from 'unreached';\nexport type C = D;",
  });
  const exports = { '.': { types: './dist/index.d.ts', default: './dist/index.js' } };
  expect(undeclaredImports(folder, { name: 'own', exports, dependencies: { dear: '1' } }).toSorted()).toEqual([
    '@lazy/one, in dist/index.js',
    '@types-of/b, in dist/more.d.ts',
    'typed, in dist/index.d.ts',
  ]);
});
