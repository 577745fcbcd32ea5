import { expect, it } from 'vitest';
import { ServerClock } from './server-clock.ts';

const aheadOf = (clock: ServerClock) => clock.now().getTime() - Date.now();
const hello = (ahead: number) => ({ localTime: new Date(Date.now() + ahead) });

it('the clock is the own one, as long as the server does not say another time', () => {
  const clock = new ServerClock();
  clock.set(hello(-300));
  clock.set({});
  expect(Math.abs(aheadOf(clock))).toBeLessThan(50);
  expect(clock.expiresAt(undefined)).toBeNull();
  expect(clock.expiresAt(-1)).toBeNull();
});

it('the clock is that of the server, whose late answers count less than its prompt ones', () => {
  const clock = new ServerClock();
  for (const ahead of [3590_000, 3600_000, 3597_000]) clock.set(hello(ahead));
  expect(Math.abs(aheadOf(clock) - 3600_000)).toBeLessThan(50);
  expect(Math.abs(Number(clock.expiresAt(10)) - Date.now() - 3610_000)).toBeLessThan(50);
});
