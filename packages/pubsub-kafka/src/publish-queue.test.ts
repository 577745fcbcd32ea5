import { expect, it } from 'vitest';
import type { OutgoingRecord } from './kafka-client.ts';
import { PublishQueue } from './publish-queue.ts';

const never = new AbortController().signal;

const record = (text: string): OutgoingRecord => ({
  key: undefined,
  value: Buffer.from(text),
  headers: new Map(),
  partition: 0,
});

it('what comes while a request is under way goes together with the next, in order', async () => {
  const requests: string[][] = [];
  const ends: (() => void)[] = [];
  const queue = new PublishQueue((records) => {
    requests.push(records.map(({ value }) => String(value)));
    return new Promise((resolve) => ends.push(resolve));
  }, 10_000);
  const first = queue.send(record('a'), never);
  await Promise.resolve();
  const others = ['b', 'c'].map((text) => queue.send(record(text), never));
  ends.shift()?.();
  await first;
  await Promise.resolve();
  ends.shift()?.();
  await Promise.all(others);
  expect(requests).toEqual([['a'], ['b', 'c']]);
});

it('a request that fails fails its own records only, and none is larger than allowed', async () => {
  const requests: number[] = [];
  const queue = new PublishQueue(async (records) => {
    if (requests.push(records.length) === 1) throw new Error('refused');
  }, 200);
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((text) => queue.send(record(text), never)));
  expect(requests).toEqual([2, 1]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

it('who gives up while a record waits keeps it from being sent', async () => {
  const requests: string[][] = [];
  const ends: (() => void)[] = [];
  const queue = new PublishQueue((records) => {
    requests.push(records.map(({ value }) => String(value)));
    return new Promise((resolve) => ends.push(resolve));
  }, 10_000);
  const first = queue.send(record('a'), never);
  await Promise.resolve();
  const impatient = new AbortController();
  const given = queue.send(record('b'), impatient.signal);
  const last = queue.send(record('c'), never);
  impatient.abort(new Error('too late'));
  await expect(given).rejects.toThrow('too late');
  ends.shift()?.();
  await first;
  await Promise.resolve();
  ends.shift()?.();
  await last;
  expect(requests).toEqual([['a'], ['c']]);
});
