import type { StateItem } from '@outrigger/core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ExpiryPurge } from './expiry-purge.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const item = (milliseconds?: number): StateItem => ({
  value: new Uint8Array(),
  ...(milliseconds === undefined ? {} : { expiresAt: new Date(Date.now() + milliseconds) }),
});

it('frees what has expired, keeps the rest, and runs no timer once nothing can expire', () => {
  const items = new Map([
    ['soon', item(500)],
    ['later', item(5500)],
    ['renewed', item(500)],
  ]);
  const purge = new ExpiryPurge(items);
  for (const key of items.keys()) purge.watch(key);
  items.set('renewed', item());
  vi.advanceTimersByTime(2000);
  expect([...items.keys()]).toEqual(['later', 'renewed']);
  vi.advanceTimersByTime(6000);
  expect([...items.keys()]).toEqual(['renewed']);
  expect(vi.getTimerCount()).toBe(0);
});

it('frees many items over several turns', () => {
  const items = new Map(Array.from({ length: 25_000 }, (_, index) => [`key${index}`, item(1)]));
  const purge = new ExpiryPurge(items);
  for (const key of items.keys()) purge.watch(key);
  vi.advanceTimersByTime(1000);
  expect(items.size).toBe(15_000);
  vi.advanceTimersByTime(4000);
  expect(items.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
