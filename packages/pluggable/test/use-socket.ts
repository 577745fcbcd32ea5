import { type ComponentKinds, type Logger, silentLogger } from '@outrigger/core';

import { socketComponents } from '../src/index.ts';
import type { PluggableKind } from '../src/services.ts';

const prefixes = { state: 'state', pubsub: 'pubsub', bindings: 'bindings', secrets: 'secretstores' } as const;
const never = new AbortController().signal;

export interface UseOptions {
  /** The resource's name. Default: that of the socket. */
  readonly instance?: string;
  readonly logger?: Logger;
  /** Aborts the start. */
  readonly signal?: AbortSignal;
}

/** Makes an instance of what answers on the socket `name`, as a sidecar does. */
export async function useSocket<K extends PluggableKind>(
  folder: string,
  kind: K,
  name: string,
  properties: Readonly<Record<string, string>> = {},
  { instance = name, logger = silentLogger, signal = never }: UseOptions = {},
): Promise<ComponentKinds[K]> {
  const type = `${prefixes[kind]}.${name}`;
  const definition = await socketComponents({ folder }).find({ type, version: 'v1' });
  if (definition === undefined) throw new Error(`nobody serves ${type}`);
  const context = { name: instance, metadata: {}, properties, appId: 'app', namespace: '', logger, signal };
  return (await definition.create(context)) as ComponentKinds[K];
}
