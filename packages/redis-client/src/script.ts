import { createHash } from 'node:crypto';

/** A Lua script and the digest by which the server knows it once it has run. */
export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}
