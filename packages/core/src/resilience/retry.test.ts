import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { ComponentError } from '../errors.ts';
import { BrokenCircuitError } from './circuit-breaker.ts';
import { policy, type Policy, type RetryEvent } from './policy.ts';
import { retry } from './retry.ts';

const { signal } = new AbortController();
const failure = new Error('unavailable');

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  const timersLeft = vi.getTimerCount();
  vi.useRealTimers();
  if (timersLeft > 0) throw new Error(`${timersLeft} timers left`);
});

/** Runs a call that fails with `failWith` as often as `failures` says; gives its outcome and when its attempts began. */
async function run<T>(target: Policy<T>, failures: number, success: T, failWith: unknown = failure) {
  const startedAt = Date.now();
  const attempts: number[] = [];
  const call = target.execute(async (_signal, attempt) => {
    attempts.push(Date.now() - startedAt);
    expect(attempt).toBe(attempts.length);
    if (attempts.length <= failures) throw failWith;
    return success;
  }, signal);
  const outcome = call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await vi.runAllTimersAsync();
  return { attempts, ...(await outcome) };
}

it('waits 5 s between attempts by default, for as long as it takes', async () => {
  const { attempts, ...outcome } = await run(policy<string>([retry()]), 500, 'done');
  expect(attempts).toHaveLength(501);
  expect(attempts.slice(0, 4)).toEqual([0, 5000, 10_000, 15_000]);
  expect(outcome).toEqual({ value: 'done' });
});

it.each([0, 1, 3])('makes %i attempts more and rejects with the last error', async (maxRetries) => {
  const { attempts, ...outcome } = await run(policy([retry({ maxRetries, duration: 10 })]), Infinity, undefined);
  expect(attempts).toHaveLength(maxRetries + 1);
  expect(outcome).toEqual({ error: failure });
});

it('grows its waits when exponential', async () => {
  const growing = policy<string>([retry({ policy: 'exponential', randomizationFactor: 0, maxInterval: 1000 })]);
  const { attempts } = await run(growing, 4, 'done');
  expect(attempts).toEqual([0, 500, 1250, 2250, 3250]);
});

it('starts each call at the first wait', async () => {
  const growing = policy<string>([retry({ policy: 'exponential', randomizationFactor: 0 })]);
  const both = await Promise.all([run(growing, 2, 'a'), run(growing, 2, 'b')]);
  expect(both.map((one) => one.attempts)).toEqual([
    [0, 500, 1250],
    [0, 500, 1250],
  ]);
});

it('begins no wait that ends after 15 minutes when exponential', async () => {
  const { attempts, ...outcome } = await run(
    policy([retry({ policy: 'exponential', randomizationFactor: 0 })]),
    Infinity,
    undefined,
  );
  expect(outcome).toEqual({ error: failure });
  expect(attempts.at(-1)).toBeGreaterThan(14 * 60_000);
  expect(attempts.at(-1)).toBeLessThanOrEqual(15 * 60_000);
});

it('leaves errors that are not retryable', async () => {
  const picky = policy<string>([retry({ retryable: (error) => error !== failure })]);
  expect((await run(picky, Infinity, '')).attempts).toHaveLength(1);
  expect((await run(picky, 2, '', new Error('other'))).attempts).toHaveLength(3);
});

it('leaves a ComponentError whose code says that it is of no use', async () => {
  const retrying = policy<string>([retry({ duration: 1 })]);
  const mismatch = new ComponentError('etag-mismatch', 'the item has changed');
  expect(await run(retrying, Infinity, '', mismatch)).toEqual({ attempts: [0], error: mismatch });
  const busy = new ComponentError('unavailable', 'busy');
  expect((await run(retrying, 2, '', busy)).attempts).toHaveLength(3);
});

it('takes a broken circuit for final, also one further in', async () => {
  const retrying = policy<string>([retry({ duration: 1 })], { judgeError: () => 'retryable' });
  const broken = new BrokenCircuitError('open');
  expect(await run(retrying, Infinity, '', broken)).toEqual({ attempts: [0], error: broken });
});

it('ends at once when aborted in a wait, with the reason and no further attempt', async () => {
  const controller = new AbortController();
  const attempt = vi.fn<() => Promise<never>>(() => Promise.reject(failure));
  const call = policy([retry()]).execute(attempt, controller.signal);
  await vi.advanceTimersByTimeAsync(100);
  expect(vi.getTimerCount()).toBe(1);
  const reason = new Error('shutting down');
  controller.abort(reason);
  expect(vi.getTimerCount()).toBe(0);
  await expect(call).rejects.toBe(reason);
  expect(attempt).toHaveBeenCalledOnce();
});

it('does not try again after an abort during an attempt', async () => {
  const controller = new AbortController();
  const call = policy([retry()]).execute(() => {
    controller.abort(new Error('gone'));
    return Promise.reject(failure);
  }, controller.signal);
  await expect(call).rejects.toBe(failure);
});

it('makes no attempt for a caller who is gone', async () => {
  const attempt = vi.fn<() => Promise<void>>(() => Promise.resolve());
  await expect(policy([retry()]).execute(attempt, AbortSignal.abort(failure))).rejects.toBe(failure);
  expect(attempt).not.toHaveBeenCalled();
});

it('takes a call that throws before it gives a promise for one that rejects', async () => {
  const call = policy([retry({ maxRetries: 1, duration: 1 })]).execute(() => {
    throw failure;
  }, signal);
  const outcome = call.catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  expect(await outcome).toBe(failure);
});

it('tells before each wait', async () => {
  const onRetry = vi.fn<(event: RetryEvent) => void>();
  await run(policy<string>([retry({ duration: 10 })], { onRetry }), 2, 'done');
  expect(onRetry.mock.calls).toEqual([
    [{ attempt: 1, delay: 10, error: failure }],
    [{ attempt: 2, delay: 10, error: failure }],
  ]);
});

it.each([{ maxRetries: -2 }, { duration: -1 }, { maxElapsed: -1 }])('refuses %j', (options) => {
  expect(() => retry(options)).toThrow(RangeError);
});
