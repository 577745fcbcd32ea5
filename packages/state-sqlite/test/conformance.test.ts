import { stateStoreConformance } from '@outrigger/conformance/state';
import { afterAll, describe } from 'vitest';
import { createStore, TemporaryFolder } from './create.ts';

// CURRENT_TIMESTAMP, which Dapr's layout is made for, knows whole seconds
const quirks = { ttlGranularityMs: 1000 };

describe('state.sqlite in a file', () => {
  const folder = new TemporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  stateStoreConformance(() => createStore({ connectionString: folder.file() }), quirks);
});

describe('state.sqlite in a file without write-ahead log', () => {
  const folder = new TemporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  stateStoreConformance(() => createStore({ connectionString: folder.file(), disableWAL: 'true' }), quirks);
});

describe('state.sqlite in memory', () => {
  stateStoreConformance(() => createStore({ connectionString: ':memory:' }), { ...quirks, isolated: true });
});
