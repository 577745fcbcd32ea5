import type { ConfigurationBackend } from '@outrigger/conformance/configuration';
import { type ConfigurationStore, type Logger, parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, type RedisConnection, redisFields } from '@outrigger/redis-client';
import definition from '../src/index.ts';

export const howToStart = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
const { signal } = new AbortController();

/** The component as the engine would make it from YAML. */
export function createStore(
  properties: Readonly<Record<string, string>>,
  logger: Logger = silentLogger,
): Promise<ConfigurationStore> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  return definition.create({
    name: 'configstore',
    metadata: values,
    properties,
    appId: 'app',
    namespace: '',
    logger,
    signal,
  });
}

/** Redis as an operator reaches it. */
export function connect(properties: Readonly<Record<string, string>>): Promise<RedisConnection> {
  return connectRedis(parseMetadata(redisFields, properties).values, { logger: silentLogger, signal });
}

export async function connectBackend(redisHost: string): Promise<ConfigurationBackend> {
  const connection = await connect({ redisHost });
  return {
    set: async (key, { value, version }) => void (await connection.send('SET', [key, `${value}||${version}`])),
    delete: async (key) => void (await connection.send('DEL', [key])),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
