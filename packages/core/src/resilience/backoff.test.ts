import { afterEach, describe, expect, it, vi } from 'vitest';

import { type Backoff, constantBackoff, exponentialBackoff } from './backoff.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function delays(first: Backoff, count: number): number[] {
  const result: number[] = [];
  for (let link = first; result.length < count; link = link.next()) result.push(link.delay());
  return result;
}

describe('constantBackoff', () => {
  it('waits the same each time and is one link', () => {
    const link = constantBackoff(5000);
    expect(delays(link, 3)).toEqual([5000, 5000, 5000]);
    expect(link.next()).toBe(link);
  });

  it('names the option and the value it cannot use', () => {
    expect(() => constantBackoff(-1)).toThrow(new RangeError('duration is -1; it must be 0 or more'));
  });
});

describe('exponentialBackoff', () => {
  it('starts at 500 ms, grows by 1.5 and stays at 60 s', () => {
    const first = exponentialBackoff({ randomizationFactor: 0 });
    expect(delays(first, 5)).toEqual([500, 750, 1125, 1688, 2531]);
    expect(delays(first, 20).slice(-2)).toEqual([60_000, 60_000]);
  });

  it('draws each delay from around the interval, half of it to either side', () => {
    const first = exponentialBackoff();
    const random = vi.spyOn(Math, 'random');
    random.mockReturnValueOnce(0).mockReturnValueOnce(0.5).mockReturnValueOnce(0.999_999);
    expect([first.delay(), first.delay(), first.delay()]).toEqual([250, 500, 750]);
  });

  it('never changes a link, so that calls share one chain', () => {
    const first = exponentialBackoff();
    expect(first.next()).toBe(first.next());
    expect(first.interval).toBe(500);
  });

  it('begins at the limit when that is lower, and ends its chain there', () => {
    const first = exponentialBackoff({ maxInterval: 100, randomizationFactor: 0 });
    expect(first.delay()).toBe(100);
    expect(first.next()).toBe(first);
  });

  it.each([{ multiplier: 0.5 }, { randomizationFactor: 2 }, { initialInterval: -1 }, { maxInterval: Number.NaN }])(
    'refuses %j',
    (options) => {
      expect(() => exponentialBackoff(options)).toThrow(RangeError);
    },
  );
});
