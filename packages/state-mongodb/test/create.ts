import { type Logger, parseMetadata, silentLogger, type StateStore } from '@outrigger/core';
import definition from '../src/index.ts';

/** A component as the engine would make it from YAML. */
export function createStore(
  properties: Readonly<Record<string, string>>,
  logger: Logger = silentLogger,
  { signal } = new AbortController(),
): Promise<StateStore> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  return definition.create({
    name: 'statestore',
    metadata: values,
    properties,
    appId: 'app',
    namespace: '',
    logger,
    signal,
  });
}
