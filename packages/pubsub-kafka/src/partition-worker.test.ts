import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IncomingRecord } from './kafka-client.ts';
import { PartitionWorker, type WorkerParts } from './partition-worker.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const record = (offset: number): IncomingRecord => ({
  offset: BigInt(offset),
  key: undefined,
  value: Buffer.from(String(offset)),
  headers: [],
  timestamp: 0n,
});
const records = (...offsets: number[]) => offsets.map(record);

/** A worker whose hand-overs end when the test says so; `log` holds what happened. */
function setUp(parts: Partial<WorkerParts> = {}) {
  const handed: number[][] = [];
  const done: number[] = [];
  const open: ((outcomes?: boolean[]) => Promise<void>)[] = [];
  const worker = new PartitionWorker({
    batchSize: 1,
    batchWaitMs: 0,
    concurrency: 1,
    retryMs: 100,
    bufferedRecords: 10,
    offset: 0n,
    handle: (batch) => {
      handed.push(batch.map(({ offset }) => Number(offset)));
      return new Promise((resolve) => {
        open.push(async (outcomes = batch.map(() => true)) => {
          resolve(outcomes);
          await vi.advanceTimersByTimeAsync(0);
        });
      });
    },
    done: (offset) => void done.push(Number(offset)),
    moved: () => {},
    ...parts,
  });
  const end = (outcomes?: boolean[]) => open.shift()?.(outcomes);
  return { worker, handed, done, end };
}

describe('PartitionWorker', () => {
  it('hands one over after the other, and each one that is done moves the offset', async () => {
    const { worker, handed, done, end } = setUp();
    worker.add(records(0, 1, 2), 3n);
    expect(handed).toEqual([[0]]);
    await end();
    await end();
    await end();
    expect(handed).toEqual([[0], [1], [2]]);
    expect(done).toEqual([1, 2, 3]);
  });

  it('hands a failed one over again after the pause, before any other', async () => {
    const { worker, handed, done, end } = setUp();
    worker.add(records(0, 1), 2n);
    await end([false]);
    expect(handed).toEqual([[0]]);
    await vi.advanceTimersByTimeAsync(100);
    expect(handed).toEqual([[0], [0]]);
    await end();
    expect(handed.at(-1)).toEqual([1]);
    expect(done).toEqual([1]);
  });

  it('with several at a time, commits only up to the first that is not done with', async () => {
    const { worker, handed, done, end } = setUp({ concurrency: 3 });
    worker.add(records(0, 1, 2), 3n);
    expect(handed).toEqual([[0], [1], [2]]);
    await end([false]);
    await end();
    await end();
    expect(done).toEqual([]);
    await vi.advanceTimersByTimeAsync(100);
    await end();
    expect(done).toEqual([3]);
  });

  it('waits for a batch to be full, but not longer than it may', async () => {
    const { worker, handed, end } = setUp({ batchSize: 2, batchWaitMs: 1000 });
    worker.add(records(0), 1n);
    expect(handed).toEqual([]);
    worker.add(records(1, 2), 3n);
    expect(handed).toEqual([[0, 1]]);
    await end();
    expect(handed).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(handed.at(-1)).toEqual([2]);
  });

  it('of a batch that failed in part only what failed comes again, and alone', async () => {
    const { worker, handed, done, end } = setUp({ batchSize: 3 });
    worker.add(records(0, 1, 2, 3), 4n);
    await end([true, false, true]);
    expect(done).toEqual([1]);
    await vi.advanceTimersByTimeAsync(100);
    expect(handed.at(-1)).toEqual([1]);
    await end();
    expect(done).toEqual([1, 3]);
    expect(handed.at(-1)).toEqual([3]);
  });

  it('leaves out what it has had, and skips offsets that hold nothing', async () => {
    const { worker, handed, done, end } = setUp();
    worker.add(records(0, 1), 2n);
    worker.add(records(0, 1, 5), 8n);
    expect(worker.next).toBe(8n);
    for (let index = 0; index < 3; index++) await end();
    expect(handed).toEqual([[0], [1], [5]]);
    expect(done).toEqual([1, 5, 8]);
    worker.add([], 9n);
    expect(done.at(-1)).toBe(9);
  });

  it('paused it hands nothing over, and what failed waits, too', async () => {
    const { worker, handed, end } = setUp();
    worker.add(records(0, 1), 2n);
    worker.pause();
    await end([false]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(handed).toEqual([[0]]);
    expect(worker.hasRoom).toBe(false);
    worker.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(handed).toEqual([[0], [0]]);
  });

  it('closed, what still runs moves no offset, and its signal aborts where the partition is lost', async () => {
    let signal: AbortSignal | undefined;
    let finish: ((outcomes: boolean[]) => void) | undefined;
    const { worker, done } = setUp({
      handle: (_, itsSignal) => {
        signal = itsSignal;
        return new Promise((resolve) => (finish = resolve));
      },
    });
    worker.add(records(0, 1), 2n);
    const settled = worker.settled();
    worker.close({ abort: true });
    expect(signal?.aborted).toBe(true);
    finish?.([true]);
    await settled;
    expect(done).toEqual([]);
    expect(worker.committable).toBe(0n);
  });

  it('has no more room when as many wait as it may buffer', async () => {
    const { worker, end } = setUp({ bufferedRecords: 2 });
    worker.add(records(0, 1), 2n);
    expect(worker.hasRoom).toBe(true);
    worker.add(records(2), 3n);
    expect(worker.hasRoom).toBe(false);
    expect(worker.bytes).toBeGreaterThan(0);
    for (let index = 0; index < 3; index++) await end();
    expect(worker.bytes).toBe(0);
  });

  it('takes no more when handling has run far ahead of a record that takes long', async () => {
    let release = (): void => {};
    const slow = new Promise<boolean[]>((resolve) => (release = () => resolve([true])));
    const { worker } = setUp({
      concurrency: 2,
      bufferedRecords: 1,
      handle: ([first]) => (first?.offset === 0n ? slow : Promise.resolve([true])),
    });
    worker.add(records(...Array.from({ length: 16 }, (_, offset) => offset)), 16n);
    await vi.advanceTimersByTimeAsync(10);
    expect(worker.hasRoom).toBe(false);
    release();
    await vi.advanceTimersByTimeAsync(0);
    expect([worker.hasRoom, worker.committable, worker.bytes]).toEqual([true, 16n, 0]);
  });
});
