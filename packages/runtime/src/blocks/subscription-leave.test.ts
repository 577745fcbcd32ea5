import { policy, retry, timeout } from '@outrigger/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { Leave } from './subscription-leave.ts';

const never = new AbortController().signal;

describe('a delivery under a policy', () => {
  it('that ran out of time is not remembered', async () => {
    const leave = new Leave();
    const cut = vi.spyOn(AbortController.prototype, 'abort');
    onTestFinished(() => cut.mockRestore());
    const slow = leave.execute(
      policy([timeout(1)]),
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => setImmediate(() => reject(new Error('too late'))));
        }),
      never,
    );
    await expect(slow).rejects.toThrow('timed out');
    await new Promise((resolve) => setTimeout(resolve, 5));
    cut.mockClear();
    leave.begin();
    expect(cut).not.toHaveBeenCalled();
  });

  it('is not tried again once the subscription leaves', async () => {
    const leave = new Leave();
    const waiting = Promise.withResolvers<void>();
    let calls = 0;
    const failing = leave.execute(
      policy([retry({ duration: 60_000 })], { onRetry: () => waiting.resolve() }),
      () => Promise.reject(new Error(`no ${++calls}`)),
      never,
    );
    await waiting.promise;
    leave.begin();
    await expect(failing).rejects.toThrow('delivery to the app is ending');
    expect(calls).toBe(1);
  });

  it('may end an attempt that runs, whatever an earlier one that was given up still does', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const leave = new Leave();
    const attempts = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let calls = 0;
    const delivery = leave.execute(
      policy([retry({ duration: 1 }), timeout(20)]),
      () => attempts[calls++]?.promise ?? Promise.reject(new Error('a third attempt')),
      never,
    );
    await vi.advanceTimersByTimeAsync(21);
    expect(calls).toBe(2);
    attempts[0]?.reject(new Error('too late'));
    await vi.advanceTimersByTimeAsync(1);
    leave.begin();
    attempts[1]?.resolve();
    await delivery;
  });
});
