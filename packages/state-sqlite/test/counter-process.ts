// Counts up one item, with etags, as often as it is told; prints nothing when all goes well, also no warning about SQLite.
import { ComponentError } from '@outrigger/core';
import { createStore } from './create.ts';

const [file = '', times = '1'] = process.argv.slice(2);
const { signal } = new AbortController();
const store = await createStore({ connectionString: file, busyTimeout: '20s' });

for (let done = 0; done < Number(times);) {
  const item = await store.get({ key: 'count' }, signal);
  const value = Buffer.from(String(Number(Buffer.from(item?.value ?? []).toString()) + 1));
  try {
    const guard = item?.etag === undefined ? ({ concurrency: 'first-write' } as const) : { etag: item.etag };
    await store.set({ key: 'count', value, ...guard }, signal);
    done++;
  } catch (error) {
    if (!ComponentError.is(error) || error.code !== 'etag-mismatch') throw error;
  }
}
await store[Symbol.asyncDispose]();
