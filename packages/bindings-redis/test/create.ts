import { type Bindings, parseMetadata, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createBinding(properties: Readonly<Record<string, string>>): Promise<Bindings> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const { signal } = new AbortController();
  return definition.create({
    name: 'keys',
    metadata: values,
    properties,
    appId: 'app',
    namespace: '',
    logger: silentLogger,
    signal,
  });
}
