import { openComponent, type OpenOptions } from '@outrigger/conformance';
import type { PubSub } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createPubSub(properties: Readonly<Record<string, string>>, options: OpenOptions = {}): Promise<PubSub> {
  return openComponent(definition, properties, { name: 'pubsub', ...options });
}
