import { executionAsyncResource } from 'node:async_hooks';

import { expect, test } from 'vitest';

import { keepTickShape } from './keep-tick-shape.ts';

test('ticks run as before, and nobody goes on listening to them', async () => {
  keepTickShape();
  keepTickShape();
  const ran = await new Promise((resolve) => {
    process.nextTick((value: string) => resolve([value, typeof executionAsyncResource()]), 'ran');
  });
  expect(ran).toEqual(['ran', 'object']);
});
