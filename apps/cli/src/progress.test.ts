import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withProgress } from './progress.ts';

describe('progress', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  async function during(ms: number, isTTY: boolean): Promise<string> {
    let shown = '';
    const stream = { isTTY, write: (text: string) => ((shown += text), true) };
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = withProgress('waiting for orders', promise, stream);
    await vi.advanceTimersByTimeAsync(ms);
    resolve('done');
    expect(await waiting).toBe('done');
    return shown;
  }

  it('says after a second what is waited for, and wipes it away', async () => {
    expect(await during(900, true)).toBe('');
    const shown = await during(2100, true);
    expect(shown).toContain('waiting for orders … 1 s');
    expect(shown).toContain('waiting for orders … 2 s');
    expect(shown.endsWith('\r\u001B[K')).toBe(true);
  });

  it('is not for programs', async () => {
    expect(await during(2100, false)).toBe('');
  });
});
