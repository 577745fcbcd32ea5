import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

import { expect, test, vi } from 'vitest';

import * as core from './index.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const section = readme.slice(readme.indexOf('## Resilience'));
const examples = [...section.matchAll(/```ts\n([^]*?)```/g)].map(([, source = '']) => source);

/** What its comments say that it prints: `console.log(x); // this`, and the comments that stand alone. */
function promised(source: string): string[] {
  return [...source.matchAll(/^(?:.*console\.log\(.*\); )?\/\/ (.*)$/gm)].map(([, text = '']) => text);
}

/** Runs an example as the module it is; resolves to the lines it prints. */
async function printed(source: string): Promise<string[]> {
  const lines: string[] = [];
  const console = { log: (...values: unknown[]) => void lines.push(values.map(String).join(' ')) };
  const answers = async (url: string) => new Response('', { status: url.endsWith('/busy') ? 503 : 200 });
  const body = stripTypeScriptTypes(source).replaceAll(
    /^import (\{[^}]*\}) from '@outrigger\/core';$/gm,
    'const $1 = core;',
  );
  const AsyncFunction = (async () => {}).constructor as new (
    ...source: string[]
  ) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction('core', 'console', 'fetch', body)(core, console, vi.fn<typeof answers>(answers));
  return lines;
}

test('the section on resilience has its examples', () => {
  expect(examples).toHaveLength(4);
});

test.each(examples)('an example does what it says:\n%s', async (source) => {
  expect(await printed(source)).toEqual(promised(source));
});
