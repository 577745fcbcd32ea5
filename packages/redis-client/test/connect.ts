import { type Logger, parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, type RedisConnection, redisFields } from '../src/index.ts';

/** Connects as a component would with these properties in its YAML. */
export function connect(
  properties: Readonly<Record<string, string>>,
  { signal = new AbortController().signal, logger = silentLogger }: { signal?: AbortSignal; logger?: Logger } = {},
): Promise<RedisConnection> {
  const { values, problems, unknown } = parseMetadata(redisFields, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  return connectRedis(values, { logger, signal });
}

export const backend = 'OUTRIGGER_TEST_REDIS';
export const howToStart = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
