import { afterEach, expect, it, vi } from 'vitest';

import { bulkhead, BulkheadFullError } from './bulkhead.ts';
import { policy } from './policy.ts';

const { signal } = new AbortController();

/** A call that ends when told to, and tells when it began. */
function controlled<T>(result: T) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const call = vi.fn<() => Promise<T>>(() => promise.then(() => result));
  return { call, end: resolve };
}

afterEach(() => {
  vi.useRealTimers();
});

it('lets as many calls run as it has places', async () => {
  const limit = bulkhead({ maxConcurrent: 2 });
  const limited = policy([limit]);
  const [a, b] = [controlled('a'), controlled('b')];
  const results = Promise.all([limited.execute(a.call, signal), limited.execute(b.call, signal)]);
  expect(limit.running).toBe(2);
  const refused = limited.execute(async () => 'c', signal);
  await expect(refused).rejects.toThrow(BulkheadFullError);
  await expect(refused).rejects.toThrow('bulkhead is full: 2 calls running, 0 waiting');
  a.end();
  b.end();
  await expect(results).resolves.toEqual(['a', 'b']);
  expect(limit.running).toBe(0);
});

it('serves those who wait in the order they came', async () => {
  const limit = bulkhead({ maxConcurrent: 1, maxQueue: 2 });
  const limited = policy([limit]);
  const order: string[] = [];
  const first = controlled('first');
  const calls = [
    limited.execute(first.call, signal),
    limited.execute(async () => order.push('second'), signal),
    limited.execute(async () => order.push('third'), signal),
  ];
  expect(limit.waiting).toBe(2);
  await expect(limited.execute(async () => 'fourth', signal)).rejects.toSatisfy(BulkheadFullError.is);
  first.end();
  await Promise.all(calls);
  expect(order).toEqual(['second', 'third']);
  expect([limit.running, limit.waiting]).toEqual([0, 0]);
});

it('gives the place back when a call fails', async () => {
  const limit = bulkhead({ maxConcurrent: 1 });
  await expect(policy([limit]).execute(() => Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(limit.running).toBe(0);
});

it('lets one who waits give up, without a place and without a call', async () => {
  const limit = bulkhead({ maxConcurrent: 1, maxQueue: 5 });
  const limited = policy([limit]);
  const controller = new AbortController();
  const [first, second, third] = [controlled(1), controlled(2), controlled(3)];
  const one = limited.execute(first.call, signal);
  const two = limited.execute(second.call, controller.signal);
  const three = limited.execute(third.call, signal);
  controller.abort(new Error('enough'));
  await expect(two).rejects.toThrow('enough');
  expect(limit.waiting).toBe(1);
  first.end();
  third.end();
  await expect(Promise.all([one, three])).resolves.toEqual([1, 3]);
  expect(second.call).not.toHaveBeenCalled();
  expect(limit.running).toBe(0);
});

it('does not queue a caller who is gone', async () => {
  const limit = bulkhead({ maxConcurrent: 1, maxQueue: 1 });
  void limit.enter(signal);
  await expect(limit.enter(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect(limit.waiting).toBe(0);
});
