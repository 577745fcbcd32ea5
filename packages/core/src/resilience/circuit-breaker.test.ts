import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  BrokenCircuitError,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitCounts,
  type CircuitState,
} from './circuit-breaker.ts';

const none = { requests: 0, totalSuccesses: 0, totalFailures: 0, consecutiveSuccesses: 0, consecutiveFailures: 0 };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function succeed(breaker: CircuitBreaker, times = 1): void {
  for (let i = 0; i < times; i++) breaker.record(breaker.admit(), 'success');
}

function fail(breaker: CircuitBreaker, times = 1): void {
  for (let i = 0; i < times; i++) breaker.record(breaker.admit(), 'failure');
}

/** A breaker that one failure has opened; `changes` holds each change of state so far. */
function opened(options: Parameters<typeof circuitBreaker>[0] = {}) {
  const changes: [CircuitState, CircuitState][] = [];
  const breaker = circuitBreaker({
    trip: () => true,
    onStateChange: (from, to) => changes.push([from, to]),
    ...options,
  });
  fail(breaker);
  return { breaker, changes };
}

describe('closed', () => {
  it('counts requests and outcomes', () => {
    const breaker = circuitBreaker();
    succeed(breaker, 2);
    fail(breaker, 3);
    breaker.admit();
    expect(breaker.counts).toEqual({
      requests: 6,
      totalSuccesses: 2,
      totalFailures: 3,
      consecutiveSuccesses: 0,
      consecutiveFailures: 3,
    });
    expect(breaker.state).toBe('closed');
  });

  it('opens at the sixth failure in a row by default, not before', () => {
    const breaker = circuitBreaker();
    fail(breaker, 5);
    succeed(breaker);
    fail(breaker, 5);
    expect(breaker.state).toBe('closed');
    fail(breaker);
    expect(breaker.state).toBe('open');
    vi.clearAllTimers();
  });

  it('asks trip after each failure, with the counts including it', () => {
    const trip = vi.fn<(counts: CircuitCounts) => boolean>(() => false);
    const breaker = circuitBreaker({ trip });
    succeed(breaker);
    fail(breaker, 2);
    expect(trip).toHaveBeenCalledTimes(2);
    expect(trip).toHaveBeenLastCalledWith({
      ...none,
      requests: 3,
      totalSuccesses: 1,
      totalFailures: 2,
      consecutiveFailures: 2,
    });
  });

  it('never clears its counts without an interval', () => {
    const breaker = circuitBreaker();
    fail(breaker);
    vi.advanceTimersByTime(1e9);
    fail(breaker);
    expect(breaker.counts.totalFailures).toBe(2);
  });

  it('clears its counts when the interval has passed, without a timer, and does not count what began before', () => {
    const breaker = circuitBreaker({ interval: 1000 });
    fail(breaker, 5);
    const early = breaker.admit();
    vi.advanceTimersByTime(1000);
    expect(breaker.counts.requests).toBe(6);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1);
    breaker.record(early, 'failure');
    expect(breaker.counts).toEqual(none);
    fail(breaker);
    expect(breaker.counts).toEqual({ ...none, requests: 1, totalFailures: 1, consecutiveFailures: 1 });
    expect(breaker.state).toBe('closed');
  });
});

describe('open', () => {
  it('refuses calls for a minute by default, then is half-open', () => {
    const { breaker, changes } = opened();
    expect(breaker.state).toBe('open');
    expect(breaker.counts).toEqual(none);
    expect(() => breaker.admit()).toThrow(new BrokenCircuitError('open'));
    vi.advanceTimersByTime(59_999);
    expect(() => breaker.admit()).toThrow('circuit breaker is open');
    vi.advanceTimersByTime(1);
    expect(breaker.state).toBe('half-open');
    expect(changes).toEqual([
      ['closed', 'open'],
      ['open', 'half-open'],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes a timeout of 0 for the default', () => {
    const { breaker } = opened({ timeout: 0 });
    vi.advanceTimersByTime(59_999);
    expect(breaker.state).toBe('open');
    vi.clearAllTimers();
  });

  it('does not count the result of a call that began before it opened', () => {
    const breaker = circuitBreaker({ trip: () => true, timeout: 10 });
    const slow = breaker.admit();
    fail(breaker);
    breaker.record(slow, 'success');
    expect(breaker.counts).toEqual(none);
    vi.advanceTimersByTime(10);
    breaker.record(slow, 'failure');
    expect(breaker.state).toBe('half-open');
  });

  it('does not keep the process alive', () => {
    vi.useRealTimers();
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    opened({ timeout: 20 });
    expect(timers()).toBe(before);
  });
});

describe('half-open', () => {
  it('lets one call through by default and closes when it succeeds', () => {
    const { breaker, changes } = opened({ timeout: 10 });
    vi.advanceTimersByTime(10);
    const trial = breaker.admit();
    expect(() => breaker.admit()).toThrow(new BrokenCircuitError('half-open'));
    expect(() => breaker.admit()).toThrow('too many requests');
    breaker.record(trial, 'success');
    expect(breaker.state).toBe('closed');
    expect(breaker.counts).toEqual(none);
    expect(changes.at(-1)).toEqual(['half-open', 'closed']);
  });

  it('opens again on any failure and waits the whole time again', () => {
    const { breaker, changes } = opened({ timeout: 10, maxRequests: 3 });
    vi.advanceTimersByTime(10);
    succeed(breaker);
    fail(breaker);
    expect(breaker.state).toBe('open');
    expect(changes.at(-1)).toEqual(['half-open', 'open']);
    vi.advanceTimersByTime(9);
    expect(breaker.state).toBe('open');
    vi.advanceTimersByTime(1);
    expect(breaker.state).toBe('half-open');
  });

  it('needs maxRequests successes in a row to close, and lets no more than those through', () => {
    const { breaker } = opened({ timeout: 10, maxRequests: 3 });
    vi.advanceTimersByTime(10);
    const trials = [breaker.admit(), breaker.admit(), breaker.admit()];
    expect(() => breaker.admit()).toThrow('too many requests');
    for (const [index, trial] of trials.entries()) {
      expect(breaker.state).toBe('half-open');
      breaker.record(trial, 'success');
      if (index < 2) expect(() => breaker.admit()).toThrow('too many requests');
    }
    expect(breaker.state).toBe('closed');
  });

  it('does not let a trial of an earlier time close it', () => {
    const { breaker } = opened({ timeout: 10, maxRequests: 2 });
    vi.advanceTimersByTime(10);
    const old = breaker.admit();
    fail(breaker);
    vi.advanceTimersByTime(10);
    succeed(breaker);
    breaker.record(old, 'success');
    expect(breaker.state).toBe('half-open');
  });

  it('gives the place of an ignored trial to the next', () => {
    const { breaker } = opened({ timeout: 10 });
    vi.advanceTimersByTime(10);
    breaker.record(breaker.admit(), 'ignored');
    expect(breaker.counts).toEqual(none);
    succeed(breaker);
    expect(breaker.state).toBe('closed');
  });

  it('can trip again after it has closed', () => {
    const { breaker } = opened({ timeout: 10 });
    vi.advanceTimersByTime(10);
    succeed(breaker);
    fail(breaker);
    expect(breaker.state).toBe('open');
    vi.advanceTimersByTime(10);
    expect(breaker.state).toBe('half-open');
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('recognises its error by brand', () => {
  const ofAnotherCopy = Object.assign(new Error('circuit breaker is open'), {
    [Symbol.for('outrigger.BrokenCircuitError')]: true,
  });
  expect(BrokenCircuitError.is(ofAnotherCopy)).toBe(true);
  expect(BrokenCircuitError.is(new Error('circuit breaker is open'))).toBe(false);
});

it('is not loaded with its library by a process that makes no breaker', async () => {
  vi.useRealTimers();
  const script = `
    import { createRequire } from 'node:module';
    const { policy } = await import(${JSON.stringify(new URL('policy.ts', import.meta.url).href)});
    const { circuitBreaker } = await import(${JSON.stringify(new URL('circuit-breaker.ts', import.meta.url).href)});
    const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('opossum'));
    policy([]);
    const before = isLoaded();
    circuitBreaker();
    console.log(before, isLoaded());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(stdout.trim()).toBe('false true');
});
