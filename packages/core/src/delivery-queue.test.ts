import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DeliveryQueue } from './delivery-queue.ts';

/** A queue whose deliveries end when the test says so. */
function controlled(concurrency: number) {
  const started: number[] = [];
  const finish = new Map<number, () => void>();
  const queue = new DeliveryQueue<number>(concurrency, (item) => {
    started.push(item);
    return new Promise((resolve) => {
      finish.set(item, resolve);
    });
  });
  return { queue, started, finish: (item: number) => finish.get(item)?.() };
}

describe('DeliveryQueue', () => {
  it('hands over in order, at most `concurrency` at a time', async () => {
    const { queue, started, finish } = controlled(2);
    for (const item of [1, 2, 3, 4]) queue.add(item);
    expect(started).toEqual([]); // never inside add
    await turn();
    expect(started).toEqual([1, 2]);
    finish(2);
    await turn();
    expect(started).toEqual([1, 2, 3]);
    expect({ running: queue.running, waiting: queue.waiting }).toEqual({ running: 2, waiting: 1 });
  });

  it('hands nothing over while paused, and goes on with full concurrency after', async () => {
    const { queue, started, finish } = controlled(2);
    for (const item of [1, 2, 3, 4]) queue.add(item);
    queue.pause();
    await turn();
    expect(started).toEqual([]);
    queue.resume();
    await turn();
    expect(started).toEqual([1, 2]);
    queue.pause();
    finish(1);
    finish(2);
    await turn();
    expect({ started, running: queue.running }).toEqual({ started: [1, 2], running: 0 });
    queue.resume();
    await turn();
    expect(started).toEqual([1, 2, 3, 4]);
  });

  it('gives back what was not handed over when it closes, and settles when the rest is done', async () => {
    const { queue, finish } = controlled(1);
    for (const item of [1, 2, 3]) queue.add(item);
    await turn();
    expect(queue.close()).toEqual([2, 3]);
    expect(queue.add(4)).toBe(false);
    let settled = false;
    const done = queue.settled().then(() => (settled = true));
    await turn();
    expect(settled).toBe(false);
    finish(1);
    await done;
    expect(queue.running).toBe(0);
  });

  it('keeps order over a queue of many thousands', async () => {
    const seen: number[] = [];
    const queue = new DeliveryQueue<number>(1, async (item) => void seen.push(item));
    for (let item = 0; item < 10_000; item++) queue.add(item);
    await queue.settled();
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
  });

  it('is full while what waits and what is handled weighs too much', async () => {
    const finish: (() => void)[] = [];
    const wait = (): Promise<void> => new Promise((resolve) => finish.push(resolve));
    const queue = new DeliveryQueue<string>(1, wait, { sizeOf: (text) => text.length, maxBytes: 5 });
    queue.add('abc');
    expect(queue).toMatchObject({ bytes: 3, full: false });
    queue.add('de');
    expect(queue).toMatchObject({ bytes: 5, full: true });
    await turn();
    expect(queue.full).toBe(true); // what is being handled is in memory, too
    finish.shift()?.();
    await turn();
    expect(queue).toMatchObject({ bytes: 2, full: false });
    queue.add('waiting');
    expect(queue.takeWaiting()).toEqual(['waiting']);
    expect(queue.bytes).toBe(2);
  });
});
