import { type Logger, parseMetadata, type PubSub, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createPubSub(
  properties: Readonly<Record<string, string>>,
  { appId = 'app', logger = silentLogger }: { appId?: string; logger?: Logger } = {},
): Promise<PubSub> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const signal = new AbortController().signal;
  return definition.create({
    name: 'pubsub',
    metadata: values,
    properties,
    appId,
    namespace: '',
    logger,
    signal,
  });
}
