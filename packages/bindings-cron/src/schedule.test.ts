import { describe, expect, test } from 'vitest';
import { parseSchedule } from './schedule.ts';

const start = new Date(2026, 0, 1, 0, 0, 30).getTime();

/** The next times, as the clock on the wall shows them. */
function times(schedule: string, count = 3): string[] {
  const { next } = parseSchedule(schedule);
  const found: string[] = [];
  for (let time = next(start); time !== undefined && found.length < count; time = next(time)) {
    const at = new Date(time);
    const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].join('-');
    found.push(`${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].join(':')}`);
  }
  return found;
}

describe('a schedule', () => {
  test.each([
    ['15 * * * * *', ['2026-1-1 0:1:15', '2026-1-1 0:2:15', '2026-1-1 0:3:15']],
    ['0 30 * * * *', ['2026-1-1 0:30:0', '2026-1-1 1:30:0', '2026-1-1 2:30:0']],
    ['0 0 * * *', ['2026-1-2 0:0:0', '2026-1-3 0:0:0', '2026-1-4 0:0:0']],
    ['5/15 * * * *', ['2026-1-1 0:5:0', '2026-1-1 0:20:0', '2026-1-1 0:35:0']],
    ['0 0 ? * SUN', ['2026-1-4 0:0:0', '2026-1-11 0:0:0', '2026-1-18 0:0:0']],
    ['0 9 1 JAN-FEB *', ['2026-1-1 9:0:0', '2026-2-1 9:0:0', '2027-1-1 9:0:0']],
    // as in Dapr, and in cron since ever: the 13th, and Fridays
    ['0 0 13 * 5', ['2026-1-2 0:0:0', '2026-1-9 0:0:0', '2026-1-13 0:0:0']],
    ['@hourly', ['2026-1-1 1:0:0', '2026-1-1 2:0:0', '2026-1-1 3:0:0']],
    ['@midnight', ['2026-1-2 0:0:0', '2026-1-3 0:0:0', '2026-1-4 0:0:0']],
    ['@weekly', ['2026-1-4 0:0:0', '2026-1-11 0:0:0', '2026-1-18 0:0:0']],
    ['@monthly', ['2026-2-1 0:0:0', '2026-3-1 0:0:0', '2026-4-1 0:0:0']],
    ['@yearly', ['2027-1-1 0:0:0', '2028-1-1 0:0:0', '2029-1-1 0:0:0']],
    ['@every 1h30m', ['2026-1-1 1:30:30', '2026-1-1 3:0:30', '2026-1-1 4:30:30']],
  ])('%s comes at %j', (schedule, expected) => {
    expect(times(schedule)).toEqual(expected);
  });

  test('is of the zone that it names', () => {
    const { next, timeZone } = parseSchedule('CRON_TZ=Asia/Tokyo 0 9 * * *');
    expect(timeZone).toBe('Asia/Tokyo');
    expect(new Date(next(start) ?? 0).toISOString()).toMatch(/T00:00:00\.000Z$/);
    expect(parseSchedule('@daily').timeZone).toBe('Local');
  });

  test.each(['', 'soon', '* * *', '1 2 3 4 5 6 7', '61 * * * *', '0 0 31 2 *', '@every', '@every 5', '@every -5s'])(
    'is refused when it is %j, with what would be right',
    (schedule) => {
      expect(() => parseSchedule(schedule)).toThrow(
        expect.objectContaining({
          code: 'invalid-argument',
          message: expect.stringMatching(/^schedule: .*@every 15m/),
        }) as Error,
      );
    },
  );

  test('is refused for a zone that nobody knows', () => {
    expect(() => parseSchedule('TZ=Mars/Olympus @daily')).toThrow(/Mars\/Olympus/);
  });
});
