import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openComponent } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { type ComponentDefinition, isComponentDefinition, type StateStore } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const { signal } = new AbortController();
let definition: ComponentDefinition<'state'>;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrigger-jsonfile-'));
  const module = (await import(new URL('../index.js', import.meta.url).href)) as { default: unknown };
  if (!isComponentDefinition(module.default)) throw new Error('index.js exports no definition');
  definition = module.default as ComponentDefinition<'state'>;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function open(path = join(folder, `${randomUUID()}.json`)): Promise<StateStore> {
  return openComponent(definition, { path });
}

describe('the example component', () => {
  stateStoreConformance(() => open(), { isolated: true, competitions: 100, maxValueBytes: 65_536 });

  it('has its items again when the process starts anew', async () => {
    const path = join(folder, 'kept.json');
    const value = Buffer.from([0, 1, 254, 255]);
    {
      await using store = await open(path);
      await store.set({ key: 'a', value }, signal);
    }
    await using store = await open(path);
    expect((await store.get({ key: 'a' }, signal))?.value).toEqual(value);
  });

  it('is at most 42 lines of code', () => {
    const source = readFileSync(new URL('../index.js', import.meta.url), 'utf8');
    const lines = source.split('\n').filter((line) => !/^\s*(\/\/.*|\/\*\*.*\*\/)?$/.test(line));
    expect(lines.length).toBeLessThanOrEqual(42);
  });
});
