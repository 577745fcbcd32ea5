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
