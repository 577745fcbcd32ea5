// Joins the modules of one package, the folder it is started in, to one file per entry of its exports map (and `src/main.ts`,
// where there is one), with further files for what is imported lazily. Dependencies stay imports. A process pays for every
// module it loads, so the number of modules decides how soon a sidecar can serve; what a file costs is next to nothing.
import { existsSync, readFileSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { rolldown } from 'rolldown';
import { bundlePage } from './bundle-page.ts';
import type { Manifest } from './packages.ts';

/** The sources a package is entered through, by the name of the file in `dist` they become. */
export function entriesOf(manifest: Pick<Manifest, 'exports'>, hasMain: boolean): Record<string, string> {
  const sources = Object.values(manifest.exports ?? {}).flatMap((target) =>
    isConditional(target) && target['@outrigger/source']?.startsWith('./src/') ? [target['@outrigger/source']] : [],
  );
  if (hasMain) sources.push('./src/main.ts');
  return Object.fromEntries(sources.map((source) => [basename(source, '.ts'), source]));
}

function isConditional(target: unknown): target is Readonly<Record<string, string>> {
  return typeof target === 'object' && target !== null;
}

/**
 * Takes Node's modules without importing them: an ES import of one reads all its exports, and so loads what stands behind
 * each (promises, web streams, fetch, web crypto), which together takes as long as the rest of a sidecar's start.
 */
export function withoutBuiltinImports(code: string): string {
  return code
    .replaceAll(/^import \{([^{}]*)\} from "(node:[^"]+)";$/gm, (_, names: string, id: string) => {
      return `const {${names.replaceAll(/(\w+) as (\w+)/g, '$1: $2')}} = process.getBuiltinModule("${id}");`;
    })
    .replaceAll(/^import (\w+) from "(node:[^"]+)";$/gm, 'const $1 = process.getBuiltinModule("$2");');
}

/**
 * Whether an import stays one. Taken in are the compiler's own helpers, and a library of a hundred modules of which three are
 * needed: reading it in takes longer than all of the generated code that uses it.
 */
function isExternal(id: string): boolean {
  return !id.startsWith('.') && !isAbsolute(id) && !/^(@oxc-project\/runtime|@bufbuild\/protobuf)(\/|$)/.test(id);
}

async function bundle(): Promise<void> {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  await using build = await rolldown({
    input: entriesOf(manifest, existsSync('src/main.ts')),
    external: isExternal,
    platform: 'node',
    transform: { target: 'es2024' },
  });
  await build.write({
    dir: 'dist',
    format: 'esm',
    sourcemap: true,
    chunkFileNames: '[name]-[hash].js',
    // no line moves, so the source map stays right
    plugins: [{ name: 'builtins', renderChunk: (code) => ({ code: withoutBuiltinImports(code), map: null }) }],
  });
}

if (import.meta.main) {
  await bundle();
  await bundlePage();
}
