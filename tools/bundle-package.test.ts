import { expect, test } from 'vitest';
import { entriesOf, withoutBuiltinImports } from './bundle-package.ts';

test('a package is entered through its exports, a process through its main, too', () => {
  const exports = {
    '.': { '@outrigger/source': './src/index.ts' },
    './env': { '@outrigger/source': './src/env.ts' },
    './package.json': './package.json',
  };
  expect(entriesOf({ exports }, true)).toEqual({ index: './src/index.ts', env: './src/env.ts', main: './src/main.ts' });
});

test("Node's modules are taken without importing them, and no line moves", () => {
  const code = 'import { join as at, sep } from "node:path";\nimport os from "node:os";\nimport { x } from "other";\n';
  expect(withoutBuiltinImports(code)).toBe(
    'const { join: at, sep } = process.getBuiltinModule("node:path");\nconst os = process.getBuiltinModule("node:os");\nimport { x } from "other";\n',
  );
});
