import { expect, it } from 'vitest';

import { RecentlyUsed } from './recently-used.ts';

it('what was not used for longest has to go, and is handed over', () => {
  const dropped: string[] = [];
  const kept = new RecentlyUsed<string>(2, (value) => dropped.push(value));
  const get = (key: string) => kept.get(key, () => `${key}'s`);
  get('a');
  get('b');
  get('a');
  get('c');
  expect(dropped).toEqual(["b's"]);
  expect([...kept.values()]).toEqual(["a's", "c's"]);
});

it('with less room than before, those not used for longest go', () => {
  const dropped: string[] = [];
  const kept = new RecentlyUsed<string>(3, (value) => dropped.push(value));
  for (const key of ['a', 'b', 'c', 'a']) kept.get(key, () => key);
  kept.resize(1);
  expect(dropped).toEqual(['b', 'c']);
  kept.clear();
  expect(dropped).toEqual(['b', 'c', 'a']);
});
