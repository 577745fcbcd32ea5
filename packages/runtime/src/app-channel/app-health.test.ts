import { silentLogger } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { AppHealth } from './app-health.ts';
import { inProcessApp } from './in-process.ts';

const never = new AbortController().signal;

describe('app health', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function watch(healthy: () => boolean | Promise<boolean>): { health: AppHealth; changes: boolean[] } {
    const changes: boolean[] = [];
    const health = new AppHealth({
      channel: inProcessApp({ healthy }),
      intervalMs: 100,
      timeoutMs: 50,
      threshold: 3,
      onChange: async (now) => void changes.push(now),
      logger: silentLogger,
    });
    onTestFinished(() => health[Symbol.asyncDispose]());
    return { health, changes };
  }

  it('is unhealthy until a probe succeeds', async () => {
    let up = false;
    const { health, changes } = watch(() => up);
    await vi.advanceTimersByTimeAsync(1000);
    expect(health.healthy).toBe(false);
    expect(changes).toEqual([]);
    up = true;
    await vi.advanceTimersByTimeAsync(100);
    await health.firstHealthy(never);
    expect(changes).toEqual([true]);
  });

  it('takes three failures in a row to become unhealthy, and one success to come back', async () => {
    const answers = [true, false, false, true, false, false, false, true];
    const { changes } = watch(() => answers.shift() ?? true);
    await vi.advanceTimersByTimeAsync(500);
    expect(changes).toEqual([true]);
    await vi.advanceTimersByTimeAsync(100);
    expect(changes).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(100);
    expect(changes).toEqual([true, false, true]);
  });

  it('tells who waits for it that the app is unhealthy, at once when it is', async () => {
    let up = false;
    const { health } = watch(() => up);
    await health.unhealthy(never);
    up = true;
    await vi.advanceTimersByTimeAsync(100);
    const waiting = health.unhealthy(never);
    const isOver = vi.fn();
    void waiting.then(isOver);
    await vi.advanceTimersByTimeAsync(100);
    expect(isOver).not.toHaveBeenCalled();
    up = false;
    await vi.advanceTimersByTimeAsync(300);
    await waiting;
  });

  it('takes a health check that never ends for a failure, and does not wait for it at the end', async () => {
    let up: boolean | Promise<boolean> = true;
    const { health, changes } = watch(() => up);
    await health.firstHealthy(never);
    up = new Promise<boolean>(() => {});
    // AbortSignal.timeout does not know of fake timers
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(100);
      expect(changes).toEqual([true, false]);
    });
    await health[Symbol.asyncDispose]();
  });

  it('stops waiting when it is aborted', async () => {
    const { health } = watch(() => false);
    const abort = new AbortController();
    const waiting = expect(health.firstHealthy(abort.signal)).rejects.toThrow('enough');
    abort.abort(new Error('enough'));
    await waiting;
  });
});
