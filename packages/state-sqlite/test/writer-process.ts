// Writes under load until it is killed, and says of each write that was acknowledged what it was: one line on standard output.
import { writeSync } from 'node:fs';
import type { StateOperation } from '@outrigger/core';
import { createStore } from './create.ts';

const [file = '', round = '0', disableWAL = 'false'] = process.argv.slice(2);
const { signal } = new AbortController();
const store = await createStore({ connectionString: file, busyTimeout: '20s', disableWAL });
// not through a stream, which may hold back what it was given
const acknowledge = (line: string) => void writeSync(1, `${line}\n`);

async function write(writer: number): Promise<never> {
  for (let index = 0; ; index++) {
    const value = Buffer.from(`${round}-${writer}-${index}`);
    const key = `${round}-${writer}-${index % 50}`;
    if (index % 5 === 0) {
      const operations: StateOperation[] = ['a', 'b'].map((half) => ({
        operation: 'set',
        key: `${key}-${half}`,
        value,
      }));
      await store.transact?.(operations, {}, signal);
      acknowledge(`${key}-a ${value.toString()}`);
      acknowledge(`${key}-b ${value.toString()}`);
    } else {
      await store.set({ key, value }, signal);
      acknowledge(`${key} ${value.toString()}`);
    }
  }
}

acknowledge('ready');
await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
