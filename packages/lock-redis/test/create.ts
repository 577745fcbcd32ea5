import { type LockStore, parseMetadata, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

export const howToStart = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';

/** The component as the engine would make it from YAML. */
export function createStore(properties: Readonly<Record<string, string>>): Promise<LockStore> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const { signal } = new AbortController();
  return definition.create({
    name: 'lockstore',
    metadata: values,
    properties,
    appId: 'app',
    namespace: '',
    logger: silentLogger,
    signal,
  });
}
