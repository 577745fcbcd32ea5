import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { generate } from './readme-tables.ts';

const made: string[] = [];

afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true });
});

const definition = (type: string) => `
  const host = { description: 'Where it is', required: true, typeName: 'text', jsonSchema: { type: 'string' } };
  export default {
    kind: 'state', type: '${type}', version: 'v1', metadata: { host }, create: () => {},
    [Symbol.for('outrigger.ComponentDefinition')]: 1,
  };`;

const readme = 'Before.\n\n<!-- metadata:start -->\nstale\n<!-- metadata:end -->\n\nAfter.\n';

/** Lays a workspace with one component package, with `files` on top, and generates. */
function run(components: Record<string, string>, files: Record<string, string> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'tables-'));
  made.push(root);
  const paths = [...new Set(Object.values(components))];
  const source = (path: string) => `./src/${path.replace(/^\.\/?/, '') || 'index'}.js`;
  const workspace: Record<string, string> = {
    'package.json': JSON.stringify({ workspaces: ['packages/*'] }),
    'packages/core/package.json': JSON.stringify({ name: '@outrigger/core' }),
    'packages/state-x/package.json': JSON.stringify({
      name: '@outrigger/state-x',
      files: ['dist', 'schema'],
      exports: Object.fromEntries(paths.map((path) => [path, { '@outrigger/source': source(path) }])),
      outrigger: { spi: 1, components },
    }),
    'packages/state-x/README.md': readme,
    'packages/state-x/src/index.js': definition('state.x'),
    ...files,
  };
  for (const [file, text] of Object.entries(workspace)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return generate(root);
}

const table =
  '| Field | Type | Default | Meaning |\n| --- | --- | --- | --- |\n| `host` | text | **required** | Where it is |';

test('a README gets its table between the markers and keeps the rest', async () => {
  const { files, problems } = await run({ 'state.x/v1': '.' });
  expect(problems).toEqual([]);
  expect(files.get('packages/state-x/README.md')).toBe(
    `Before.\n\n<!-- metadata:start -->\n\n${table}\n\n<!-- metadata:end -->\n\nAfter.\n`,
  );
});

test('a package with several types gets a table under a heading for each, one for types that share a definition', async () => {
  const { files } = await run(
    { 'state.x/v1': '.', 'state.x2/v1': '.', 'state.y/v1': './y' },
    { 'packages/state-x/src/y.js': definition('state.y') },
  );
  expect(files.get('packages/state-x/README.md')).toContain(
    `### Metadata of \`state.x\`\n\n${table}\n\n### Metadata of \`state.y\`\n\n${table}\n\n`,
  );
});

test('the catalogue names the package of every type, and every type has a schema', async () => {
  const { files } = await run({ 'state.x2/v1': '.', 'state.x/v1': '.' });
  expect(files.get('packages/runtime/src/resources/catalogue.json')).toBe(
    '{\n  "state.x/v1": "@outrigger/state-x",\n  "state.x2/v1": "@outrigger/state-x"\n}\n',
  );
  expect(JSON.parse(files.get('packages/state-x/schema/state.x.json') ?? '')).toMatchObject({ title: 'state.x/v1' });
});

test.each([
  ['no markers', { 'packages/state-x/README.md': 'x' }, 'README.md: no <!-- metadata:start -->'],
  ['no definition', { 'packages/state-x/src/index.js': 'export default {}' }, 'not what defineComponent returns'],
  ['another type', { 'packages/state-x/src/index.js': definition('state.z') }, '"." is state.z/v1, not state.x/v1'],
])('a package that cannot be read is named, and the others are still done: %s', async (_case, files, problem) => {
  const { problems, files: generated } = await run({ 'state.x/v1': '.' }, files);
  expect(problems).toEqual([expect.stringContaining(problem)]);
  expect(problems[0]).toMatch(/^packages\/state-x: /);
  expect(generated.has('packages/runtime/src/resources/catalogue.json')).toBe(true);
});
