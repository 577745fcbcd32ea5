import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { longestTimer, sleep } from './sleep.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  const timersLeft = vi.getTimerCount();
  vi.useRealTimers();
  if (timersLeft > 0) throw new Error(`${timersLeft} timers left`);
});

it('resolves when the time is up', async () => {
  const slept = vi.fn<() => void>();
  void sleep(100, new AbortController().signal).then(slept);
  await vi.advanceTimersByTimeAsync(99);
  expect(slept).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(slept).toHaveBeenCalledOnce();
});

it('ends at once at abort, with its reason and no timer left', async () => {
  const controller = new AbortController();
  const sleeping = sleep(100, controller.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  expect(vi.getTimerCount()).toBe(0);
  await expect(sleeping).rejects.toBe(reason);
});

it('starts no timer when already aborted', async () => {
  const reason = new Error('before');
  await expect(sleep(100, AbortSignal.abort(reason))).rejects.toBe(reason);
});

it('takes no wait too long for a timer as none at all', async () => {
  const controller = new AbortController();
  const slept = vi.fn<() => void>();
  const sleeping = sleep(longestTimer + 1, controller.signal).then(slept);
  await vi.advanceTimersByTimeAsync(1000);
  expect(slept).not.toHaveBeenCalled();
  controller.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
});
