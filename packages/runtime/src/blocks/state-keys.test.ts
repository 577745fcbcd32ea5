import { silentLogger, type StateStore } from '@outrigger/core';
import inMemory from '@outrigger/state-in-memory';
import { expect, onTestFinished, test } from 'vitest';

import { listKeys } from './state-keys.ts';

const never = new AbortController().signal;

async function scene(...keys: string[]): Promise<StateStore> {
  const context = { name: 's', metadata: {}, properties: {}, appId: 'a', namespace: '', logger: silentLogger };
  const store = await inMemory.create({ ...context, signal: never });
  onTestFinished(() => store[Symbol.asyncDispose]());
  for (const key of keys) await store.set({ key, value: Buffer.from('1') }, never);
  return store;
}

test('keys of this app alone are listed, by what they begin with', async () => {
  const store = await scene('shop||order-1', 'shop||order-2', 'shop||item', 'stock||order-3', 'shopx||order-4');
  const list = async (owner: string, prefix: string) =>
    (await listKeys('s', store, owner, { prefix }, never)).keys.toSorted();
  expect(await list('shop||', '')).toEqual(['item', 'order-1', 'order-2']);
  expect(await list('shop||', 'order-')).toEqual(['order-1', 'order-2']);
  expect(await list('shop||', 'none')).toEqual([]);
  // keys without a prefix of their own, beside those of others
  expect(await list('', 'shop')).toEqual([]);
});

test('what stands for other letters in a pattern stands for itself', async () => {
  const store = await scene('a||1%', 'a||12', 'a||1_x', 'a||1yx', 'a||\\n');
  const list = async (prefix: string) => (await listKeys('s', store, 'a||', { prefix }, never)).keys;
  expect(await list('1%')).toEqual(['1%']);
  expect(await list('1_')).toEqual(['1_x']);
  expect(await list('\\')).toEqual(['\\n']);
});

test('pages follow each other until there are no more', async () => {
  const names = Array.from({ length: 7 }, (_, index) => `k${index}`);
  const store = await scene(...names.map((name) => `a||${name}`));
  const seen: string[] = [];
  let token: string | undefined;
  do {
    const page = await listKeys('s', store, 'a||', { limit: 3, ...(token && { token }) }, never);
    expect(page.keys.length).toBeLessThanOrEqual(3);
    seen.push(...page.keys);
    token = page.token;
  } while (token !== undefined);
  expect(seen.toSorted()).toEqual(names);
});
