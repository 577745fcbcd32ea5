import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SubscribeRound } from './subscribe-round.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('is over when the last subscription is set up and no other has begun for a moment', async () => {
  const over = vi.fn();
  const round = new SubscribeRound(over);
  const slow = Promise.withResolvers<string>();
  const all = [round.add(async () => 'one'), round.add(() => slow.promise)];
  await vi.advanceTimersByTimeAsync(5000);
  expect(over).not.toHaveBeenCalled();
  slow.resolve('two');
  expect(await Promise.all(all)).toEqual(['one', 'two']);
  await vi.advanceTimersByTimeAsync(100);
  await round.add(async () => 'three');
  await vi.advanceTimersByTimeAsync(100);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(over).toHaveBeenCalledOnce();
});

it('waits ten seconds for one that hangs, and no longer', async () => {
  const over = vi.fn();
  const round = new SubscribeRound(over);
  void round.add(() => new Promise(() => {}));
  await round.add(async () => 'one');
  await vi.advanceTimersByTimeAsync(9000);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1000);
  expect(over).toHaveBeenCalledOnce();
});

it('is over also when a subscription cannot be set up, which its caller learns', async () => {
  const over = vi.fn();
  const round = new SubscribeRound(over);
  await expect(round.add(() => Promise.reject(new Error('no topic')))).rejects.toThrow('no topic');
  await vi.advanceTimersByTimeAsync(200);
  expect(over).toHaveBeenCalledOnce();
});
