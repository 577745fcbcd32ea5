import type { Body } from '@outrigger/runtime';

import { asBuffer } from '@outrigger/grpc';

const defaultBodySize = 4 * 1024 * 1024;

/** Bytes of the longest body that goes into one message, from `--max-body-size`; 0 there: no limit. */
export function bodyLimit(maxBodySize: number = defaultBodySize): number {
  return maxBodySize > 0 ? maxBodySize : Infinity;
}

/**
 * A body that is to go into one message, read to its end; nothing for none. One of more than `limit` bytes is not read on, and
 * `undefined` comes back. Rejects with what reading it throws.
 */
export async function bytesUpTo(limit: number, body: Body): Promise<Buffer | undefined> {
  if (body === undefined) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return body.byteLength > limit ? undefined : asBuffer(body);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.byteLength;
    if (size > limit) return undefined;
    pieces.push(piece);
  }
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? asBuffer(first) : Buffer.concat(pieces, size);
}

/** What is said of a body that one message cannot hold; with RESOURCE_EXHAUSTED, as in Dapr. */
export function tooLong(limit: number): string {
  return `trying to send message larger than max (${limit} bytes, --max-body-size)`;
}
