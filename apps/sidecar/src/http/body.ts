import type { IncomingMessage } from 'node:http';

import { bodyRead } from '@outrigger/runtime';

import { headerOf } from './headers.ts';

const nothing = Buffer.alloc(0);
/** How much of a body that was refused is still read, so that its sender gets to the answer. */
const lingerBytes = 1024 * 1024;
const lingerMs = 2000;

/**
 * The whole body. Rejects with ApiError 400 `ERR_BODY_READ` when it is longer than `limit` bytes (0: any length is fine), and
 * when the client goes away in the middle.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const declared = headerOf(request, 'content-length');
    if (limit > 0 && declared !== undefined && Number(declared) > limit) {
      linger(request);
      reject(tooLarge(limit));
      return;
    }
    if (request.destroyed && !request.readableEnded) {
      reject(bodyRead('the client closed the connection'));
      return;
    }
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let length = 0;
    let settled = false;
    request.on('data', (chunk: Buffer) => {
      if (settled) return;
      length += chunk.length;
      if (limit > 0 && length > limit) {
        settled = true;
        linger(request);
        reject(tooLarge(limit));
      } else if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    request.on('end', () => {
      if (settled) return;
      settled = true;
      resolve(rest === undefined ? (first ?? nothing) : Buffer.concat(rest, length));
    });
    const failed = (error?: Error) => {
      if (settled) return;
      settled = true;
      reject(broken(error));
    };
    request.on('error', failed);
    request.on('close', failed);
  });
}

/**
 * The body in pieces. Ends as {@link readBody} rejects. Leaving early does not close the connection: what still comes is read and thrown
 * away, as the next request is behind it.
 */
export async function* streamBody(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  let length = 0;
  try {
    // The stream's own iterator would take the connection, and with it the answer, down when it is left.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (limit > 0 && length > limit) break;
      yield chunk;
    }
  } catch (error) {
    throw broken(error);
  } finally {
    request.resume();
  }
  if (limit <= 0 || length <= limit) return;
  linger(request);
  throw tooLarge(limit);
}

function broken(error: unknown) {
  const message = error instanceof Error ? error.message : '';
  return bodyRead(message === '' || message === 'aborted' ? 'the client closed the connection' : message, error);
}

function tooLarge(limit: number) {
  return bodyRead(`it is larger than ${limit} bytes (--max-body-size)`);
}

/** Reads on for a while and throws it away, then closes the connection, lest a client that still sends never sees the answer. */
function linger(request: IncomingMessage): void {
  let extra = 0;
  const timer = setTimeout(() => request.destroy(), lingerMs);
  timer.unref();
  request.on('data', (chunk: Buffer) => {
    extra += chunk.length;
    if (extra > lingerBytes) request.destroy();
  });
  request.on('close', () => clearTimeout(timer));
  request.on('error', () => {});
}
