import { randomUUID } from 'node:crypto';
import { type Logger, parseMetadata, type PubSub, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

export const howToStartAws = 'eval "$(e2e/backends/up.sh aws)", or OUTRIGGER_TEST_AWS=host:port of a moto server';
export const never: AbortSignal = new AbortController().signal;
export const region = 'us-east-1';
export const credentials = { accessKey: 'testing', secretKey: 'testing-secret' };

export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

/** The component as the engine would make it from YAML. */
export function createPubSub(
  properties: Readonly<Record<string, string>>,
  {
    appId = 'app',
    logger = silentLogger,
    signal = never,
  }: { appId?: string; logger?: Logger; signal?: AbortSignal } = {},
): Promise<PubSub> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
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
