import { ComponentError, type KeysLikeRequest, likeMatcher, parseLike } from '@outrigger/core';
import type { RedisConnection } from '@outrigger/redis-client';

const keysPerStep = 1000;

/** Where the next page begins: a step of SCAN, whose keys are taken in order, and the last of them that was given. */
interface Position {
  readonly cursor: string;
  readonly after: string;
}

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
  let { cursor, after } = continuationToken === undefined ? { cursor: '0', after: '' } : readToken(continuationToken);
  const keys = new Set<string>();
  let next: Position | undefined;
  do {
    const step = await connection.scan(cursor, glob, keysPerStep, signal);
    for (const key of step.keys.filter((found) => found > after && matches(found)).sort()) {
      if (keys.size >= pageSize) return { keys: [...keys], continuationToken: writeToken(next ?? { cursor, after }) };
      keys.add(key);
      next = { cursor, after: key };
    }
    ({ cursor } = step);
    after = '';
    if (keys.size >= pageSize) next = { cursor, after };
  } while (cursor !== '0');
  return { keys: [...keys] };
}

/** `_` is any character, but `?` any byte: so the server lets more through, and the rest is sorted out here. */
function globPart(part: ReturnType<typeof parseLike>[number]): string {
  return typeof part === 'string' ? '*' : part.text.replace(/[*?[\]\\^-]/g, '\\$&');
}

function writeToken({ cursor, after }: Position): string {
  return Buffer.from(JSON.stringify([cursor, after])).toString('base64url');
}

function readToken(token: string): Position {
  try {
    const [cursor, after] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    if (typeof cursor === 'string' && typeof after === 'string') return { cursor, after };
  } catch {
    // said below, for every token that is not ours
  }
  throw new ComponentError('invalid-argument', 'keys like: this continuation token was not given by this store');
}
