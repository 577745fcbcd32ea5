import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openComponent } from '@outrigger/conformance';
import { bindingsConformance } from '@outrigger/conformance/bindings';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import definition from '../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'bindings-example-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder: string;
beforeEach(() => (folder = join(root, randomUUID())));

const open = () => openComponent(definition, { folder, pollInterval: '10ms' });
const { signal } = new AbortController();

describe('bindings.example', () => {
  bindingsConformance(open, {
    address: (name) => ({ name }),
    absence: 'error',
    emit: async (data) => {
      await writeFile(join(folder, '.new'), data);
      await rename(join(folder, '.new'), join(folder, 'inbox', randomUUID()));
    },
  });

  it.each(['', '../other', 'a/b', '.hidden'])('takes no file "%s"', async (name) => {
    await using binding = await open();
    const request = { operation: 'create', data: new Uint8Array(), metadata: { name } };
    await expect(binding.invoke?.(request, signal)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
