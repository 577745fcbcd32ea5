import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { abortable } from './abortable.ts';

it('settles as the promise does and leaves no listener', async () => {
  const { signal } = new AbortController();
  await expect(abortable(Promise.resolve('done'), signal)).resolves.toBe('done');
  await expect(abortable(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('an abort ends the wait with its reason, and what the promise says later is nobody’s', async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<void>();
  const waits = abortable(work.promise, controller.signal);
  controller.abort(new Error('enough'));
  await expect(waits).rejects.toThrow('enough');
  await expect(abortable(work.promise, controller.signal)).rejects.toThrow('enough');
  // unhandled, it would fail this run
  work.reject(new Error('late'));
});
