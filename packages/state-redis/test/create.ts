import { parseMetadata, silentLogger, type StateStore } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createStore(properties: Readonly<Record<string, string>>): Promise<StateStore> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const { signal } = new AbortController();
  return definition.create({
    name: 'statestore',
    metadata: values,
    properties,
    appId: 'app',
    namespace: '',
    logger: silentLogger,
    signal,
  });
}
