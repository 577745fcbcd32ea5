import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { Child } from './processes/child.ts';

it('the demo of the README runs: a call, a saved order, an event', async () => {
  const demo = fileURLToPath(new URL('../examples/shop/demo.ts', import.meta.url));
  await using shop = new Child(process.execPath, [demo, '--once']);
  expect(await shop.exited, shop.output).toEqual({ code: 0, signal: null });
  expect(shop.output).toMatch(/saved order \w+/);
  expect(shop.output).toMatch(/order \w+ arrived/);
  expect(shop.output).toMatch(/200 \{"id":"\w+","item":"canoe","quantity":1\}/);
});
