import { expect, it } from 'vitest';
import { ServerClock } from './server-clock.ts';

const aheadOf = (clock: ServerClock) => clock.now().getTime() - Date.now();
const hello = (ahead: number) => ({ localTime: new Date(Date.now() + ahead) });

it('the clock is the own one, as long as the server may have the same', () => {
  const clock = new ServerClock();
  clock.set(hello(-300), 500);
  clock.set(hello(-3000));
  clock.set({});
  expect(Math.abs(aheadOf(clock))).toBeLessThan(50);
  expect(clock.expiresAt(undefined)).toBeNull();
  expect(clock.expiresAt(-1)).toBeNull();
});

it('the clock is that of the server where the own one is wrong, and stays it whatever answers are late', () => {
  const clock = new ServerClock();
  for (const ahead of [3600_000, 3598_000]) clock.set(hello(ahead), 100 + 3600_000 - ahead);
  expect(Math.abs(aheadOf(clock) - 3600_000)).toBeLessThan(200);
  expect(Math.abs(Number(clock.expiresAt(10)) - Date.now() - 3610_000)).toBeLessThan(200);
  clock.set(hello(-60_000), 100);
  expect(Math.abs(aheadOf(clock) + 60_000)).toBeLessThan(200);
});
