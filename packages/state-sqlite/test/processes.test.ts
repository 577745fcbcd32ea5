import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { createStore, TemporaryFolder } from './create.ts';

const { signal } = new AbortController();
const counter = new URL('counter-process.ts', import.meta.url).pathname;

it('lets several processes make the tables at once and count together without losing an increment', async () => {
  using folder = new TemporaryFolder();
  const processes = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--conditions=@outrigger/source', counter, folder.file(), '40'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const complaints = processes.map(({ stderr }) => text(stderr));
  const codes = await Promise.all(processes.map(async (child) => (await once(child, 'exit')) as [number]));
  expect(await Promise.all(complaints)).toEqual(['', '', '', '']);
  expect(codes.map(([code]) => code)).toEqual([0, 0, 0, 0]);
  await using store = await createStore({ connectionString: folder.file() });
  expect(Buffer.from((await store.get({ key: 'count' }, signal))?.value ?? []).toString()).toBe('160');
});
