import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openComponent } from '@outrigger/conformance';
import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { afterAll, describe, expect, it } from 'vitest';

import definition from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'secrets-example-'));
afterAll(() => rmSync(folder, { recursive: true }));
// what the kit expects to find, the second one with the line feed that editors leave
writeFileSync(join(folder, 'conftestsecret'), 'abcd');
writeFileSync(join(folder, 'secondsecret'), 'efgh\n');

const open = (path = folder) => openComponent(definition, { folder: path });
const { signal } = new AbortController();

describe('secretstores.example', () => {
  secretStoreConformance(() => open());

  it('looks at no file outside its folder', async () => {
    await using store = await open();
    expect(await store.get({ name: '../secret' }, signal)).toBeUndefined();
  });

  it('says which field is wrong when there is no folder', async () => {
    await expect(open(join(folder, 'none'))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^folder: /),
    });
  });
});
