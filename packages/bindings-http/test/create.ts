import { type Bindings, type Logger, parseMetadata, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createBinding(
  properties: Readonly<Record<string, string>>,
  logger: Logger = silentLogger,
): Promise<Bindings> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const { signal } = new AbortController();
  const context = { name: 'web', metadata: values, properties, appId: 'app', namespace: '', logger, signal };
  return definition.create(context);
}
