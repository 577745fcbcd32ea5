import { expect, it, vi } from 'vitest';

import { serve } from '../../../test/served.ts';
import { replyAnswer } from './reply.ts';

it('an answer whose headers cannot be written is an error, and its body is let go', async () => {
  const stop = vi.fn<() => Promise<IteratorResult<Uint8Array>>>(async () => ({ done: true, value: undefined }));
  const body = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: stop }) };
  const { url } = await serve({
    routes: [],
    fallback: (exchange) => replyAnswer(exchange, { status: 200, headers: { 'x-name': '漢字' }, body }),
  });
  expect((await fetch(url)).status).toBe(500);
  expect(stop).toHaveBeenCalledOnce();
});
