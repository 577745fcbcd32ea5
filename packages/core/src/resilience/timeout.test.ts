import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { policy } from './policy.ts';
import { sleep } from './sleep.ts';
import { timeout, TimeoutError, type TimeoutEvent } from './timeout.ts';

const { signal } = new AbortController();
const never = (): Promise<never> => new Promise(() => {});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  const timersLeft = vi.getTimerCount();
  vi.useRealTimers();
  if (timersLeft > 0) throw new Error(`${timersLeft} timers left`);
});

it('rejects with an error that names the time, and aborts the attempt with it', async () => {
  let seen: AbortSignal | undefined;
  const call = policy([timeout(2000)]).execute((attemptSignal) => {
    seen = attemptSignal;
    return sleep(60_000, attemptSignal);
  }, signal);
  const failure = call.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1999);
  expect(seen?.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  const error = await failure;
  expect(TimeoutError.is(error)).toBe(true);
  expect(error).toMatchObject({ name: 'TimeoutError', message: 'timed out after 2000 ms', duration: 2000 });
  expect(seen?.reason).toBe(error);
});

it('rejects on time also when the call does not heed its signal, and tells', async () => {
  const onTimeout = vi.fn<(event: TimeoutEvent) => void>();
  const call = policy([timeout(50)], { onTimeout }).execute(never, signal);
  const outcome = call.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(50);
  expect(await outcome).toBeInstanceOf(TimeoutError);
  expect(onTimeout).toHaveBeenCalledExactlyOnceWith({ attempt: 1, duration: 50 });
});

it('hands over what came in time and leaves no timer', async () => {
  const call = policy([timeout(50)]).execute(async () => 'in time', signal);
  await expect(call).resolves.toBe('in time');
});

it('passes on an error, thrown or rejected, and leaves no timer', async () => {
  const failure = new Error('refused');
  const limited = policy([timeout(50)]);
  await expect(limited.execute(() => Promise.reject(failure), signal)).rejects.toBe(failure);
  const throws = (): Promise<never> => {
    throw failure;
  };
  await expect(limited.execute(throws, signal)).rejects.toBe(failure);
});

it('passes on the abort of the caller at once, with its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('client left');
  let seen: AbortSignal | undefined;
  const call = policy([timeout(50)]).execute((attemptSignal) => {
    seen = attemptSignal;
    return never();
  }, controller.signal);
  controller.abort(reason);
  await expect(call).rejects.toBe(reason);
  expect(seen?.reason).toBe(reason);
});

it('makes no call for a caller who is gone', async () => {
  const call = vi.fn<() => Promise<never>>(never);
  await expect(policy([timeout(50)]).execute(call, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect(call).not.toHaveBeenCalled();
});

it('gives a result that comes too late to discard, and drops an error that does', async () => {
  const discard = vi.fn<(result: string) => void>();
  const limited = policy([timeout(50)], { discard });
  const late = limited.execute(() => sleep(100, signal).then(() => 'late'), signal).catch(() => {});
  const failed = limited.execute(() => sleep(100, signal).then(() => Promise.reject(new Error('late'))), signal);
  const outcome = failed.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(100);
  await late;
  expect(await outcome).toBeInstanceOf(TimeoutError);
  expect(discard).toHaveBeenCalledExactlyOnceWith('late');
});

it('holds a limit that is longer than a timer can be', async () => {
  const call = policy([timeout(2 ** 40)]).execute(() => sleep(5, signal).then(() => 'done'), signal);
  await vi.advanceTimersByTimeAsync(5);
  await expect(call).resolves.toBe('done');
});

it('refuses a limit of nothing', () => {
  expect(() => timeout(0)).toThrow(RangeError);
  expect(() => timeout(Number.NaN)).toThrow(RangeError);
});
