import { describe, expect, it } from 'vitest';
import { PartialBatches } from './partial-batches.ts';

/** As the broker gives it: ledger, entry, partition -1, index and size of the batch. */
function idOf(entry: number, index?: number, size?: number): string {
  const minusOne = [...Array<number>(9).fill(0xff), 1];
  const batch = index === undefined ? [] : [0x20, index, 0x30, size ?? 0];
  return Buffer.from([0x08, 0x96, 0x01, 0x10, entry, 0x18, ...minusOne, ...batch]).toString('base64');
}

describe('batches of which something is left', () => {
  it('knows what was handled until all of the batch is', () => {
    const batches = new PartialBatches();
    batches.settle(idOf(1, 0, 3));
    batches.settle(idOf(1, 2, 3));
    expect([0, 1, 2].map((index) => batches.isSettled(idOf(1, index, 3)))).toEqual([true, false, true]);
    expect(batches.isSettled(idOf(2, 0, 3))).toBe(false);
    batches.settle(idOf(1, 1, 3));
    expect([0, 1, 2].map((index) => batches.isSettled(idOf(1, index, 3)))).toEqual([false, false, false]);
  });

  it('keeps nothing of messages that stand alone', () => {
    const batches = new PartialBatches();
    batches.settle(idOf(1));
    batches.settle(idOf(2, 0, 1));
    expect([batches.isSettled(idOf(1)), batches.isSettled(idOf(2, 0, 1))]).toEqual([false, false]);
  });
});
