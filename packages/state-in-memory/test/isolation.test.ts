import { expect, it, vi } from 'vitest';
import { InMemoryStateStore } from '../src/in-memory-state-store.ts';

const { signal } = new AbortController();

it('keeps what was written when the bytes that were given, or that were read, are changed', async () => {
  await using store = new InMemoryStateStore();
  const value = Buffer.from('value');
  await store.set({ key: 'k', value, ttlInSeconds: 60 }, signal);
  value.fill(0);
  const item = await store.get({ key: 'k' }, signal);
  item?.value.fill(0);
  item?.expiresAt?.setTime(0);
  const [outcome] = await store.getMany([{ key: 'k' }], signal);
  if (outcome?.ok) outcome.value?.value.fill(0);
  const again = await store.get({ key: 'k' }, signal);
  expect(Buffer.from(again?.value ?? []).toString()).toBe('value');
  expect(again?.expiresAt?.getTime()).toBeGreaterThan(Date.now());
});

it('sees an expired item no longer, whether or not its memory was freed yet', async () => {
  vi.useFakeTimers();
  try {
    await using store = new InMemoryStateStore();
    await store.set({ key: 'a||b', value: Buffer.from('x'), ttlInSeconds: 1 }, signal);
    vi.setSystemTime(Date.now() + 1000);
    expect(await store.get({ key: 'a||b' }, signal)).toBeUndefined();
    expect(await store.keysLike({ pattern: '%' }, signal)).toEqual({ keys: [] });
    expect(await store.deleteWithPrefix('a', signal)).toBe(0);
    await store.set({ key: 'a||b', value: Buffer.from('y'), concurrency: 'first-write' }, signal);
  } finally {
    vi.useRealTimers();
  }
});
