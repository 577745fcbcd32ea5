import type { Body, HeaderMap } from '../app-channel/app-channel.ts';

/** The length that a streamed body says it has, in bytes. */
export function toldLength(headers: HeaderMap): number | undefined {
  const length = headers['content-length'];
  return typeof length === 'string' && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
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
