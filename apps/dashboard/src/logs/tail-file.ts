import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';

const lookMs = 300;
const mostAtOnce = 256 * 1024;

/**
 * The last lines of a file, then those that are added, some at a time, until the signal aborts. A file that is shorter than it was is
 * read from its beginning. Rejects when it cannot be read.
 */
export async function* tailFile(path: string, signal: AbortSignal, lastBytes = 64 * 1024): AsyncGenerator<string[]> {
  const decoder = new StringDecoder();
  let position = -1;
  let rest = '';
  while (!signal.aborted) {
    const { text, next, isCut } = await readFrom(path, position, lastBytes, decoder);
    if (next < position) rest = '';
    position = next;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    // the beginning of the first one is missing
    if (isCut) lines.shift();
    if (lines.length > 0) yield lines;
    else await delay(lookMs, undefined, { signal }).catch(() => {});
  }
}

async function readFrom(path: string, position: number, lastBytes: number, decoder: StringDecoder) {
  await using file = await open(path);
  const { size } = await file.stat();
  const isFirst = position < 0;
  const start = isFirst ? Math.max(0, size - lastBytes) : size < position ? 0 : position;
  const buffer = Buffer.alloc(Math.min(size - start, mostAtOnce));
  const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, start);
  const text = decoder.write(buffer.subarray(0, bytesRead));
  return { text, next: start + bytesRead, isCut: isFirst && start > 0 };
}
