import { type Logger, parseMetadata, type PubSub, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

export const howToStartKafka = 'eval "$(e2e/backends/up.sh kafka)"';

interface CreateOptions {
  readonly appId?: string;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
}

/** The component as the engine would make it from YAML. */
export function createPubSub(
  properties: Readonly<Record<string, string>>,
  options: CreateOptions = {},
): Promise<PubSub> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, { authType: 'none', ...properties });
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const { appId = 'app', logger = silentLogger, signal = new AbortController().signal } = options;
  return definition.create({ name: 'pubsub', metadata: values, properties, appId, namespace: '', logger, signal });
}
