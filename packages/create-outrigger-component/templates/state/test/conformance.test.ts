import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openComponent } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { afterAll, describe, expect, it } from 'vitest';

import definition from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'state-example-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (path = join(folder, `${randomUUID()}.log`)) => openComponent(definition, { path });
const { signal } = new AbortController();

describe('state.example', () => {
  stateStoreConformance(() => open(), { isolated: true });

  it('has its items again when the process starts anew', async () => {
    const path = join(folder, 'kept.log');
    const value = Buffer.from([0, 1, 254, 255]);
    {
      await using store = await open(path);
      await store.set({ key: 'a', value }, signal);
    }
    await using store = await open(path);
    expect((await store.get({ key: 'a' }, signal))?.value).toEqual(value);
  });

  it('forgets a change that its process did not end, and goes on behind it', async () => {
    const path = join(folder, 'torn.log');
    for (const key of ['a', 'b']) {
      await using store = await open(path);
      await store.set({ key, value: Buffer.from(key) }, signal);
      appendFileSync(path, '[["half');
    }
    await using store = await open(path);
    expect(await store.keysLike?.({ pattern: '%' }, signal)).toEqual({ keys: ['a', 'b'] });
  });

  it('says which field is wrong when the file is something else', async () => {
    const path = join(folder, 'other.log');
    writeFileSync(path, 'no JSON\n');
    await expect(open(path)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^path: /),
    });
  });
});
