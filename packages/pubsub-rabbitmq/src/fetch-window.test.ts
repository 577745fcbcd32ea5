import { describe, expect, it } from 'vitest';
import { FetchWindow } from './fetch-window.ts';

describe('how much is fetched ahead', () => {
  it('begins small and widens to all when messages are small', () => {
    const window = new FetchWindow(100, true);
    expect(window.size).toBe(10);
    for (let index = 0; index < 10; index++) window.arrived(100);
    expect(window.mayWiden).toBe(true);
    window.adapt();
    expect([window.size, window.mayWiden]).toEqual([100, false]);
  });

  it('narrows to what fits into 16 MiB', () => {
    const window = new FetchWindow(100, false);
    for (let index = 0; index < 4; index++) window.arrived(4 * 1024 * 1024);
    window.adapt();
    expect(window.size).toBe(4);
    window.arrived(64 * 1024 * 1024);
    window.adapt();
    expect(window.size).toBe(1);
  });
});
