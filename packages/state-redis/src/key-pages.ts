import { ComponentError, type KeysLikeRequest, likeMatcher, parseLike } from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';

const keysPerStep = 1000;
/** A step of so many keys may give more, as SCAN divides no bucket of its table. */
const mostPending = 10;

/** Where the next page begins: the cursor of SCAN, and the few keys before it that had no place on the page. */
interface Position {
  readonly cursor: string;
  readonly pending: readonly string[];
}

const beginning: Position = { cursor: '0', pending: [] };

/**
 * The keys like `pattern`, a page at a time, by SCAN: a key that is there throughout is given at least once. Only while the
 * server resizes its table may a key come twice.
 */
export async function keyPage(
  connection: RedisConnection,
  { pattern, pageSize = Infinity, continuationToken }: KeysLikeRequest,
  signal: AbortSignal,
): Promise<{ keys: string[]; continuationToken?: string }> {
  const glob = parseLike(pattern).map(globPart).join('');
  const matches = likeMatcher(pattern);
  const start = continuationToken === undefined ? beginning : readToken(continuationToken);
  const keys = new Set(start.pending.slice(0, pageSize));
  let pending = start.pending.slice(keys.size);
  let { cursor } = start;
  let count = keysPerStep;
  // a cursor of 0 is the beginning only where nothing came before it
  let isOver = continuationToken !== undefined && cursor === '0';
  // one key more than asked for shows that there is another page
  while (!isOver && keys.size + pending.length <= pageSize) {
    const room = pageSize - keys.size;
    const step = await connection.scan(cursor, glob, count, signal);
    const found = step.keys.filter((key) => matches(key) && !keys.has(key));
    const smaller = Math.max(mostPending, room);
    if (found.length > room + mostPending && count > smaller) {
      // where a step begins is all that SCAN remembers, so it is taken again, smaller
      count = smaller;
      continue;
    }
    for (const key of found.slice(0, room)) keys.add(key);
    pending = found.slice(room);
    ({ cursor } = step);
    isOver = cursor === '0';
    count = Math.min(keysPerStep, 2 * count);
  }
  return { keys: [...keys], ...(pending.length > 0 ? { continuationToken: writeToken({ cursor, pending }) } : {}) };
}

/** `_` is any character, but `?` any byte: so the server lets more through, and the rest is sorted out here. */
function globPart(part: ReturnType<typeof parseLike>[number]): string {
  return typeof part === 'string' ? '*' : part.text.replace(/[*?[\]\\^-]/g, '\\$&');
}

function writeToken({ cursor, pending }: Position): string {
  return Buffer.from(JSON.stringify([cursor, ...pending])).toString('base64url');
}

function readToken(token: string): Position {
  try {
    const parts = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown;
    const [cursor, ...pending] = Array.isArray(parts) ? parts.filter((part) => typeof part === 'string') : [];
    if (cursor !== undefined && /^\d+(@\d+)?$/.test(cursor)) return { cursor, pending };
  } catch {
    // said below, for every token that is not ours
  }
  throw new ComponentError('invalid-argument', 'keys like: this continuation token was not given by this store');
}
