import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ComponentError } from '../errors.ts';
import { bulkhead } from './bulkhead.ts';
import { BrokenCircuitError, circuitBreaker } from './circuit-breaker.ts';
import { noPolicy, policy, type Policy } from './policy.ts';
import { retry } from './retry.ts';
import { sleep } from './sleep.ts';
import { type Call, timeout, TimeoutError, type TimeoutEvent } from './timeout.ts';

const { signal } = new AbortController();
const failure = new Error('unavailable');
const unhandled = vi.fn<(reason: unknown) => void>();

beforeEach(() => {
  vi.useFakeTimers();
  process.on('unhandledRejection', unhandled);
});

afterEach(async () => {
  const timersLeft = vi.getTimerCount();
  vi.useRealTimers();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('unhandledRejection', unhandled);
  const { calls } = unhandled.mock;
  unhandled.mockClear();
  if (timersLeft > 0 || calls.length > 0) throw new Error(`left: ${timersLeft} timers, rejections: ${calls.join()}`);
});

describe('without layers', () => {
  it('takes a call that nobody can end early', async () => {
    await expect(
      policy([timeout(1000), bulkhead({ maxConcurrent: 1 })]).execute(() => Promise.resolve('answer')),
    ).resolves.toBe('answer');
    await expect(noPolicy.execute((given) => Promise.resolve(given.aborted))).resolves.toBe(false);
  });

  it('is noPolicy, also when all layers are undefined', () => {
    expect(policy([])).toBe(noPolicy);
    expect(policy([undefined, undefined], { onRetry: () => {} })).toBe(noPolicy);
  });

  it('hands over the very signal and promise', () => {
    const promise = Promise.resolve(1);
    const call = vi.fn<() => Promise<number>>(() => promise);
    expect(noPolicy.execute(call, signal)).toBe(promise);
    expect(call).toHaveBeenCalledExactlyOnceWith(signal, 1);
  });
});

describe('the one who is told', () => {
  it('hears of a recovery, with the number of attempts, and of none that came at once or never', async () => {
    const onRecover = vi.fn<(event: { attempts: number }) => void>();
    const target = policy([retry({ duration: 10, maxRetries: 2 })], { onRecover });
    const failing = (failures: number) => {
      let made = 0;
      return target.execute(async () => {
        if (made++ < failures) throw failure;
      }, signal);
    };
    for (const failures of [0, 2, 3]) {
      const settled = failing(failures).catch(() => {});
      await vi.runAllTimersAsync();
      await settled;
    }
    expect(onRecover.mock.calls).toEqual([[{ attempts: 3 }]]);
  });
});

describe('results that are failures', () => {
  interface Answer {
    readonly status: number;
  }
  const judgeResult = ({ status }: Answer) => (status < 400 ? 'success' : status === 503 ? 'retryable' : 'failure');

  /** Answers with each status in turn. */
  async function answers(target: Policy<Answer>, statuses: readonly number[]) {
    let made = 0;
    const call = target.execute(async () => ({ status: statuses[made++] ?? 0 }), signal);
    await vi.runAllTimersAsync();
    return { made, ...(await call) };
  }

  it('are retried, discarded, and returned when no attempt is left', async () => {
    const discard = vi.fn<(answer: Answer) => void>();
    const target = policy([retry({ maxRetries: 2, duration: 1 })], { judgeResult, discard });
    expect(await answers(target, [503, 503, 200])).toEqual({ made: 3, status: 200 });
    expect(discard.mock.calls).toEqual([[{ status: 503 }], [{ status: 503 }]]);
    expect(await answers(target, [503, 503, 503, 200])).toEqual({ made: 3, status: 503 });
    expect(await answers(target, [404, 200])).toEqual({ made: 1, status: 404 });
  });

  it('are counted by the breaker, whether retried or not', async () => {
    const breaker = circuitBreaker();
    const target = policy([breaker], { judgeResult });
    await answers(target, [503]);
    await answers(target, [404]);
    await answers(target, [200]);
    expect(breaker.counts).toMatchObject({ requests: 3, totalFailures: 2, totalSuccesses: 1 });
  });

  it('end the retries with the answer that trips the breaker', async () => {
    const breaker = circuitBreaker({ trip: (counts) => counts.consecutiveFailures >= 2 });
    const discard = vi.fn<(answer: Answer) => void>();
    const target = policy([retry({ duration: 1 }), breaker], { judgeResult, discard });
    let made = 0;
    const answer = target.execute(async () => ({ status: 503, made: ++made }), signal);
    await vi.advanceTimersByTimeAsync(10);
    expect(await answer).toEqual({ status: 503, made: 2 });
    expect(discard).toHaveBeenCalledOnce();
    await expect(target.execute(async () => ({ status: 200 }), signal)).rejects.toThrow('circuit breaker is open');
    await vi.runAllTimersAsync();
  });
});

describe('composition', () => {
  it('limits each attempt, not the call', async () => {
    const onTimeout = vi.fn<(event: TimeoutEvent) => void>();
    const target = policy([timeout(100), retry({ duration: 1000, maxRetries: 2 })], { onTimeout });
    const begun: number[] = [];
    const call = target.execute((attemptSignal, attempt) => {
      begun.push(performance.now());
      return attempt < 3 ? sleep(60_000, attemptSignal) : Promise.resolve();
    }, signal);
    await vi.runAllTimersAsync();
    await call;
    expect(begun.map((at) => at - (begun[0] ?? 0))).toEqual([0, 1100, 2200]);
    expect(onTimeout.mock.calls).toEqual([[{ attempt: 1, duration: 100 }], [{ attempt: 2, duration: 100 }]]);
  });

  it('counts each attempt, timeouts too, and ends with the failure that opens the breaker', async () => {
    const breaker = circuitBreaker({ trip: (counts) => counts.consecutiveFailures >= 3 });
    const target = policy([retry({ duration: 10 }), breaker, timeout(5)]);
    const attempt = vi.fn<Call<void>>((attemptSignal) => sleep(60_000, attemptSignal));
    const call = target.execute(attempt, signal);
    const outcome = call.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(35);
    expect(await outcome).toBeInstanceOf(TimeoutError);
    expect(attempt).toHaveBeenCalledTimes(3);
    expect(breaker.state).toBe('open');
    await expect(target.execute(attempt, signal)).rejects.toThrow(BrokenCircuitError);
    expect(attempt).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(60_000);
  });

  it('ends retries when the breaker has opened during a wait', async () => {
    const breaker = circuitBreaker({ trip: (counts) => counts.totalFailures >= 2 });
    const retrying = policy([retry({ duration: 1000 }), breaker]);
    const call = retrying.execute(() => Promise.reject(failure), signal);
    const outcome = call.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(500);
    await expect(policy([breaker]).execute(() => Promise.reject(failure), signal)).rejects.toBe(failure);
    await vi.advanceTimersByTimeAsync(500);
    expect(await outcome).toEqual(new BrokenCircuitError('open'));
    await vi.runAllTimersAsync();
  });

  it('closes a half-open breaker again with a call that succeeds', async () => {
    const breaker = circuitBreaker({ trip: () => true, timeout: 1000 });
    const target = policy([breaker]);
    await expect(target.execute(() => Promise.reject(failure), signal)).rejects.toBe(failure);
    await vi.advanceTimersByTimeAsync(1000);
    const trial = target.execute(() => sleep(10, signal), signal);
    await expect(target.execute(() => Promise.resolve(), signal)).rejects.toThrow('too many requests');
    await vi.advanceTimersByTimeAsync(10);
    await trial;
    expect(breaker.state).toBe('closed');
  });

  it('counts the answer of a healthy backend as a success, and what isFailure leaves out', async () => {
    const breaker = circuitBreaker({ isFailure: (error) => error !== failure });
    const target = policy([breaker]);
    for (const error of [new ComponentError('invalid-argument', 'no such thing'), failure, new Error('other')]) {
      await expect(target.execute(() => Promise.reject(error), signal)).rejects.toBe(error);
    }
    expect(breaker.counts).toMatchObject({ requests: 3, totalSuccesses: 2, totalFailures: 1 });
  });

  it("does not count the caller's abort", async () => {
    const breaker = circuitBreaker();
    const controller = new AbortController();
    const call = policy([breaker]).execute((attemptSignal) => sleep(1000, attemptSignal), controller.signal);
    controller.abort(failure);
    await expect(call).rejects.toBe(failure);
    expect(breaker.counts.requests).toBe(0);
  });

  it('gives the place on trial back when a judge throws', async () => {
    const breaker = circuitBreaker();
    const target = policy([breaker], {
      judgeResult: () => {
        throw failure;
      },
    });
    await expect(target.execute(() => Promise.resolve(), signal)).rejects.toBe(failure);
    expect(breaker.counts.requests).toBe(0);
  });

  it('lets policies share one breaker', async () => {
    const breaker = circuitBreaker({ trip: () => true, timeout: 10 });
    await expect(policy([breaker]).execute(() => Promise.reject(failure), signal)).rejects.toBe(failure);
    await expect(policy([breaker, timeout(5)]).execute(() => Promise.resolve(), signal)).rejects.toThrow(
      BrokenCircuitError,
    );
    await vi.advanceTimersByTimeAsync(10);
  });

  it('keeps a place in the bulkhead through the waits', async () => {
    const places = bulkhead({ maxConcurrent: 1 });
    const target = policy([retry({ duration: 100, maxRetries: 1 }), places]);
    const call = target.execute(
      (_signal, attempt) => (attempt === 1 ? Promise.reject(failure) : Promise.resolve()),
      signal,
    );
    await vi.advanceTimersByTimeAsync(50);
    await expect(target.execute(() => Promise.resolve(), signal)).rejects.toThrow('bulkhead is full');
    await vi.advanceTimersByTimeAsync(50);
    await call;
    expect(places.running).toBe(0);
  });

  it('refuses two layers of one kind', () => {
    expect(() => policy([timeout(1), timeout(2)])).toThrow('two layers of the kind timeout');
  });
});
