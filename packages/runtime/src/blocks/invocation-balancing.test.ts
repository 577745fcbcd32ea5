import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { RoundRobin, UnreachableAddresses } from './invocation-balancing.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('addresses take turns', () => {
  const robin = new RoundRobin();
  const unreachable = new UnreachableAddresses();
  const first = () => robin.order(['a', 'b', 'c'], unreachable)[0];
  expect([first(), first(), first(), first()]).toEqual(['a', 'b', 'c', 'a']);
  expect(robin.order(['b'], unreachable)).toEqual(['b']);
  expect(robin.order([], unreachable)).toEqual([]);
});

test('an address that refused is asked last, until five seconds have passed or it has answered', () => {
  const robin = new RoundRobin();
  const unreachable = new UnreachableAddresses();
  const order = () => new RoundRobin().order(['a', 'b', 'c'], unreachable);
  unreachable.add('a');
  unreachable.add('b');
  expect(order()).toEqual(['c', 'a', 'b']);
  unreachable.delete('b');
  expect(order()).toEqual(['b', 'c', 'a']);
  vi.advanceTimersByTime(5001);
  expect(order()).toEqual(['a', 'b', 'c']);
  expect(robin.order(['a'], unreachable)).toEqual(['a']);
});

test('those that answer have equal shares, also beside one that does not', () => {
  const robin = new RoundRobin();
  const unreachable = new UnreachableAddresses();
  unreachable.add('b');
  const shares = { a: 0, b: 0, c: 0, d: 0 };
  for (let call = 0; call < 300; call++) shares[robin.order(['a', 'b', 'c', 'd'], unreachable)[0] as 'a']++;
  expect(shares).toEqual({ a: 100, b: 0, c: 100, d: 100 });
});
