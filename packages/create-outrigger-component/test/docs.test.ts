import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const sources = ['index.ts', 'log-file-store.ts'].map((file) => read(`../templates/state/src/${file}`));
const page = read('../../../docs/writing-a-component.md');

it('docs/writing-a-component.md shows the store that the template makes', () => {
  const [beforeMessages = ''] = page.split('### Messages');
  const shown = [...beforeMessages.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  expect(shown.length).toBeGreaterThan(5);
  for (const code of shown)
    expect(
      sources.some((source) => source.includes(code)),
      code,
    ).toBe(true);
});

it('the store of the template is under 150 lines of code without its imports', () => {
  const code = sources.join('\n').replaceAll(/^import [^;]*;$/gm, '');
  const lines = code.split('\n').filter((line) => !/^\s*(\/\/.*|\/\*\*.*\*\/)?$/.test(line));
  expect(lines.length).toBeLessThan(150);
});
