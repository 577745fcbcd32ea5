// Joins a web page, the folder `src/page` of a package, to one script in `dist/page`, with its HTML and CSS beside it. What it
// imports is taken in: a page has no packages to load from.
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { rolldown } from 'rolldown';

const source = 'src/page';
const target = 'dist/page';

/** Of the package in the working directory; does nothing where it has no page. */
export async function bundlePage(): Promise<void> {
  const entry = `${source}/main.tsx`;
  if (!existsSync(entry)) return;
  await using build = await rolldown({
    input: entry,
    platform: 'browser',
    // how JSX is read says the page's own tsconfig.json
    transform: { target: 'es2024' },
  });
  await build.write({ dir: target, format: 'esm', minify: true, entryFileNames: '[name].js' });
  for (const name of readdirSync(source)) {
    if (/\.(html|css)$/.test(name)) copyFileSync(`${source}/${name}`, `${target}/${name}`);
  }
}
