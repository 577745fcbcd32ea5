import type { Body, HeaderMap } from '../app-channel/app-channel.ts';

/** A body that can be read once; knows whether that has begun. Until then a call can be made again with it. */
export class OneTimeBody implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  #started = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  get started(): boolean {
    return this.#started;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.#started = true;
    return this.#source[Symbol.asyncIterator]();
  }
}

/** Whether a streamed body says its length and that length is at most `limit` bytes. */
export function isShort(headers: HeaderMap, limit: number): boolean {
  const length = headers['content-length'];
  return typeof length === 'string' && /^\d{1,15}$/.test(length) && Number(length) <= limit;
}

/** Reads a body to its end. Throws what reading it throws. */
export async function wholeBody(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** Lets go of a body that nobody will read. */
export function cancelBody(body: Body): void {
  if (body === undefined || body instanceof Uint8Array) return;
  const iterator = body[Symbol.asyncIterator]();
  // What fails while it is given up concerns nobody any more.
  iterator.return?.().catch(() => {});
}
