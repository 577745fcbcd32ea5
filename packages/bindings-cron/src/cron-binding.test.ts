import { type BindingEvent, silentLogger } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CronBinding } from './cron-binding.ts';
import { parseSchedule } from './schedule.ts';

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-01-01T00:00:30.000Z') }));
afterEach(() => void vi.useRealTimers());

const { signal: never } = new AbortController();
const bindingOf = (schedule: string) => new CronBinding('clock', parseSchedule(schedule), silentLogger);

describe('bindings.cron', () => {
  test('tells the app each time, with no data and the time in UTC', async () => {
    const events: BindingEvent[] = [];
    await using binding = bindingOf('@every 5s');
    await binding.read(async (event) => {
      events.push(event);
      return {};
    }, never);
    await vi.advanceTimersByTimeAsync(4999);
    expect(events).toEqual([]);
    await vi.advanceTimersByTimeAsync(5001);
    expect(events.map(({ data, metadata }) => ({ ...metadata, length: data.byteLength }))).toEqual([
      { timeZone: 'Local', readTimeUTC: '2026-01-01 00:00:35 +0000 UTC', length: 0 },
      { timeZone: 'Local', readTimeUTC: '2026-01-01 00:00:40 +0000 UTC', length: 0 },
    ]);
  });

  test('goes on after a time that the app has failed to handle, and does not wait for a slow one', async () => {
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    await using binding = bindingOf('* * * * * *');
    await binding.read(async () => {
      calls++;
      if (calls === 1) throw new Error('not now');
      await gate.promise;
      return {};
    }, never);
    await vi.advanceTimersByTimeAsync(4000);
    expect(calls).toBe(4);
    gate.resolve();
  });

  test('waits for what is days off, and does not make up for what the process has slept through', async () => {
    let calls = 0;
    await using binding = bindingOf('CRON_TZ=UTC 0 0 4 1 *');
    await binding.read(async () => {
      calls++;
      return {};
    }, never);
    await vi.advanceTimersByTimeAsync(2 * 86_400_000);
    expect(calls).toBe(0);
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(calls).toBe(1);

    await using often = bindingOf('@every 1s');
    let woken = 0;
    await often.read(async () => {
      woken++;
      return {};
    }, never);
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(woken).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(woken).toBe(2);
  });

  test.each(['@every 5s', '*/5 * * * * *'])('%s goes on when the clock is set back', async (schedule) => {
    const times: unknown[] = [];
    await using binding = bindingOf(schedule);
    await binding.read(async ({ metadata }) => {
      times.push(metadata['readTimeUTC']);
      return {};
    }, never);
    await vi.advanceTimersByTimeAsync(5000);
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(times).toEqual(['2026-01-01 00:00:35 +0000 UTC', '2025-12-31 23:00:45 +0000 UTC']);
  });

  test('is on time when the machine has slept meanwhile', async () => {
    let calls = 0;
    await using binding = bindingOf('CRON_TZ=UTC 0 9 * * *');
    await binding.read(async () => {
      calls++;
      return {};
    }, never);
    // timers stand still, the clock goes on
    vi.setSystemTime(new Date('2026-01-01T08:59:00.000Z'));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(calls).toBe(1);
  });

  test('is silent while paused, and ends when what is being handled has ended', async () => {
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    await using binding = bindingOf('@every 1s');
    const subscription = await binding.read(async () => {
      calls++;
      await gate.promise;
      return {};
    }, never);
    await subscription.pause();
    await vi.advanceTimersByTimeAsync(3000);
    expect(calls).toBe(0);
    await subscription.resume();
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls).toBe(1);

    let ended = false;
    const end = subscription[Symbol.asyncDispose]().then(() => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(5000);
    expect({ calls, ended }).toEqual({ calls: 1, ended: false });
    gate.resolve();
    await end;
  });
});
