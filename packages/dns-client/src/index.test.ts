import { expect, test } from 'vitest';

import { addressesOf } from './index.ts';

const { signal } = new AbortController();

test('a name that the system knows gives its addresses', async () => {
  const found = await addressesOf('localhost', 50_002, signal);
  expect(found.length).toBeGreaterThan(0);
  for (const address of found) expect(['127.0.0.1:50002', '[::1]:50002']).toContain(address);
});

test.each([
  ['10.0.0.7', ['10.0.0.7:1']],
  ['fd00::7', ['[fd00::7]:1']],
])('an address is one already: %s', async (host, expected) => {
  expect(await addressesOf(host, 1, signal)).toEqual(expected);
});

test('who gives up is let go', async () => {
  const reason = new Error('no longer wanted');
  await expect(addressesOf('localhost', 1, AbortSignal.abort(reason))).rejects.toBe(reason);
});
