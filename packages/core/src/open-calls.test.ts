import { expect, it } from 'vitest';
import { ComponentError } from './errors.ts';
import { OpenCalls } from './open-calls.ts';

const { signal } = new AbortController();
const calls = (timeout = 10_000) => new OpenCalls({ server: 'the vault', timeout });

it('a call settles as the work does', async () => {
  const open = calls();
  await expect(open.run(async () => 'done', signal)).resolves.toBe('done');
  await expect(open.run(() => Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
});

it('a request that takes too long is over, and is told so', async () => {
  let heard: AbortSignal | undefined;
  const failed = calls(20).request((attempt) => new Promise(() => (heard = attempt)), signal);
  await expect(failed).rejects.toMatchObject({
    code: 'deadline-exceeded',
    message: 'the vault did not answer within 0.02 s',
  });
  expect(heard?.aborted).toBe(true);
});

it('a caller who gives up is let go at once, with the reason', async () => {
  const controller = new AbortController();
  const never = () => new Promise(() => {});
  const failed = [calls().run(never, controller.signal), calls().request(never, controller.signal)];
  controller.abort(new Error('enough'));
  for (const call of failed) await expect(call).rejects.toThrow('enough');
  await expect(calls().run(async () => 'done', controller.signal)).rejects.toThrow('enough');
});

it('closing waits for what is under way and refuses what comes later', async () => {
  const open = calls();
  const work = Promise.withResolvers<string>();
  const under = open.run(() => work.promise, signal);
  let isClosed = false;
  const closed = open.close().then(() => (isClosed = true));

  const refused: unknown = await open.run(async () => 'late', signal).catch((error: unknown) => error);
  expect(ComponentError.is(refused) && refused.code).toBe('unavailable');
  expect(isClosed).toBe(false);

  work.resolve('done');
  await expect(under).resolves.toBe('done');
  await closed;
});
