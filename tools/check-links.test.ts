import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { checkLinks } from './check-links.ts';

test('links in the documentation lead somewhere', () => {
  expect(checkLinks(join(import.meta.dirname, '..'))).toEqual([]);
});

test('a missing file or heading is named with the page that links to it', () => {
  const root = mkdtempSync(join(tmpdir(), 'links-'));
  const pages = {
    'docs/a.md':
      '# A page\n[b](b.md) [b](../docs/b.md#what-it-is-for) [x](x.md) [y](b.md#y) [web](https://example.com) [up](#a-page)',
    'docs/b.md': '## What *it* is for\n```md\n[code](nowhere.md)\n```\n',
  };
  try {
    for (const [file, text] of Object.entries(pages)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    expect(checkLinks(root)).toEqual(['docs/a.md: x.md is not there', 'docs/a.md: docs/b.md has no heading for #y']);
  } finally {
    rmSync(root, { recursive: true });
  }
});
