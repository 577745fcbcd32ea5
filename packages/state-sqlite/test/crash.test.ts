import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { createStore, TemporaryFolder } from './create.ts';

const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
const { signal } = new AbortController();
const writer = new URL('writer-process.ts', import.meta.url).pathname;

/** Lets a process write, kills it after so many acknowledged writes, and gives what it said last of each key. */
async function killed(file: string, round: number, after: number, disableWAL: string): Promise<Map<string, string>> {
  const child = spawn(process.execPath, ['--conditions=@outrigger/source', writer, file, String(round), disableWAL], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const acknowledged = new Map<string, string>();
  let count = 0;
  for await (const line of createInterface(child.stdout)) {
    const [key, value] = line.split(' ');
    if (key === undefined || value === undefined) continue;
    acknowledged.set(key, value);
    if (++count === after) child.kill('SIGKILL');
  }
  expect(await gone).toEqual([null, 'SIGKILL']);
  return acknowledged;
}

const sequence = (value: string) => Number(value.split('-')[2]);

describe.each([
  ['with', 'false'],
  ['without', 'true'],
])('a state.sqlite process that is killed under load, %s write-ahead log', (_, disableWAL) => {
  it('has kept every write it acknowledged, halves of no transaction, and a sound file', async () => {
    using folder = new TemporaryFolder();
    const file = folder.file();
    for (let round = 0; round < 3; round++) {
      const after = 50 + Math.floor(Math.random() * 600);
      const acknowledged = await killed(file, round, after, disableWAL);
      expect(acknowledged.size).toBeGreaterThan(0);

      await using store = await createStore({ connectionString: file, disableWAL });
      const text = async (key: string) => {
        const item = await store.get({ key }, signal);
        return item && Buffer.from(item.value).toString();
      };
      for (const [key, value] of acknowledged) {
        const there = await text(key);
        // a later write may have been taken and not told any more
        expect(there === undefined ? -1 : sequence(there), `${key}, acknowledged as ${value}`).toBeGreaterThanOrEqual(
          sequence(value),
        );
        if (key.endsWith('-a')) expect(await text(key.replace(/a$/, 'b'))).toBe(there);
      }
      const raw = new DatabaseSync(file);
      expect(
        raw
          .prepare('PRAGMA integrity_check')
          .all()
          .map((row) => ({ ...row })),
      ).toEqual([{ integrity_check: 'ok' }]);
      raw.close();
    }
  });
});
