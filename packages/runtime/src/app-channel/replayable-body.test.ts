import { expect, it } from 'vitest';

import { isReplayable, ReplayableBody } from './replayable-body.ts';

/** A source that gives what it is told to, and whether it was closed. */
function source() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 100 });
  const writer = writable.getWriter();
  // what is still to be written when the source is closed
  const ignored = (): void => {};
  writer.closed.catch(ignored);
  let closed = false;
  async function* pieces() {
    try {
      yield* readable;
    } finally {
      closed = true;
    }
  }
  return {
    pieces: pieces(),
    give: (...texts: string[]) => {
      for (const text of texts) writer.write(Buffer.from(text)).catch(ignored);
    },
    end: () => void writer.close().catch(ignored),
    fail: (error: Error) => void writer.abort(error).catch(ignored),
    isClosed: () => closed,
  };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

async function first(body: AsyncIterable<Uint8Array>): Promise<string> {
  for await (const piece of body) return Buffer.from(piece).toString();
  return '';
}

it('can be sent as often as one likes, whether or not it was sent to its end', async () => {
  const { pieces, give, end } = source();
  const body = new ReplayableBody(pieces, 100);
  give('one ', 'two ');
  expect(await first(body)).toBe('one ');
  give('three');
  end();
  expect(await textOf(body)).toBe('one two three');
  expect(await textOf(body)).toBe('one two three');
  expect(isReplayable(body)).toBe(true);
});

it('gives a reader that takes over what its predecessor has asked for', async () => {
  const { pieces, give, end } = source();
  const body = new ReplayableBody(pieces, 100);
  const earlier = body[Symbol.asyncIterator]();
  const asked = earlier.next();
  const all = textOf(body);
  give('one');
  end();
  expect(await all).toBe('one');
  expect((await asked).value?.toString()).toBe('one');
  await expect(earlier.next()).rejects.toThrow('cannot be sent again');
  await earlier.return?.();
});

it('beyond the limit passes through, and cannot be sent again', async () => {
  const { pieces, give, end } = source();
  const body = new ReplayableBody(pieces, 6);
  give('one ', 'two ', 'three');
  end();
  expect(await textOf(body)).toBe('one two three');
  expect(isReplayable(body)).toBe(false);
  await expect(textOf(body)).rejects.toThrow('cannot be sent again');
});

it('that has broken off is never taken for whole', async () => {
  const { pieces, give, fail } = source();
  const body = new ReplayableBody(pieces, 100);
  give('half');
  expect(await first(body)).toBe('half');
  fail(new Error('the client has gone'));
  await expect(textOf(body)).rejects.toThrow('the client has gone');
  expect(isReplayable(body)).toBe(false);
  await expect(textOf(body)).rejects.toThrow('the client has gone');
});

it('is read to its end by who reads it when nobody will send it again, and keeps nothing more', async () => {
  const { pieces, give, end, isClosed } = source();
  const body = new ReplayableBody(pieces, 100);
  give('one ', 'two ');
  await first(body);
  const reader = body[Symbol.asyncIterator]();
  await reader.next();
  body.release();
  give('three');
  end();
  let rest = '';
  for (let next = await reader.next(); !next.done; next = await reader.next())
    rest += Buffer.from(next.value).toString();
  expect(rest).toBe('two three');
  expect(isClosed()).toBe(true);
});

it.each(['before', 'after'])('closes its source when it is given up, %s its reader leaves', async (when) => {
  const { pieces, give, isClosed } = source();
  const body = new ReplayableBody(pieces, 100);
  give('one ', 'two ');
  const reader = body[Symbol.asyncIterator]();
  await reader.next();
  if (when === 'before') body.release();
  expect(isClosed()).toBe(false);
  await reader.return?.();
  if (when === 'after') body.release();
  await expect.poll(isClosed).toBe(true);
});
