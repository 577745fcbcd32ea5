import type { BulkMessageHandler, Message } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { BatchCollector } from './subscription-batches.ts';

const never = new AbortController().signal;

function message(name: string): Message {
  return { topic: 't', data: Buffer.from(name), metadata: {} };
}

describe('batches', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const names = (messages: readonly Message[]): string[] => messages.map(({ data }) => Buffer.from(data).toString());

  it('go out when they are full', async () => {
    const seen: string[][] = [];
    const collector = new BatchCollector(
      async (messages) => {
        seen.push(names(messages));
        return messages.map(() => ({ ok: true, value: undefined }));
      },
      2,
      1000,
    );
    await Promise.all([collector.add(message('a'), never), collector.add(message('b'), never)]);
    expect(seen).toEqual([['a', 'b']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('go out when the first message has waited long enough', async () => {
    const handle = vi.fn<BulkMessageHandler>(async (messages) => messages.map(() => ({ ok: true, value: undefined })));
    const collector = new BatchCollector(handle, 100, 1000);
    const first = collector.add(message('a'), never);
    await vi.advanceTimersByTimeAsync(900);
    const second = collector.add(message('b'), never);
    expect(handle).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all([first, second]);
    expect(handle).toHaveBeenCalledOnce();
  });

  it('go out at once in the end, also those that come late', async () => {
    const seen: string[][] = [];
    const collector = new BatchCollector(
      async (messages) => {
        seen.push(names(messages));
        return messages.map(() => ({ ok: true, value: undefined }));
      },
      100,
      60_000,
    );
    const first = collector.add(message('a'), never);
    collector.end();
    await Promise.all([first, collector.add(message('b'), never)]);
    expect(seen).toEqual([['a'], ['b']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('settle each message as its outcome says', async () => {
    const collector = new BatchCollector(
      async () => [
        { ok: true, value: undefined },
        { ok: false, error: new Error('no') },
      ],
      3,
      1,
    );
    const settled = Promise.allSettled(['a', 'b', 'c'].map((name) => collector.add(message(name), never)));
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('reject every message when the handler fails', async () => {
    const collector = new BatchCollector(() => Promise.reject(new Error('down')), 1, 1);
    await expect(collector.add(message('a'), never)).rejects.toThrow('down');
  });
});
