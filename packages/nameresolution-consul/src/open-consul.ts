import type { MetadataOf, NameResolver } from '@outrigger/core';

import { type consulFields, settingsOf } from './settings.ts';

/** Does not ask the agent yet: it may start after the sidecar. */
export async function openConsul(metadata: MetadataOf<typeof consulFields>): Promise<NameResolver> {
  const settings = settingsOf(metadata);
  const [{ ConsulAgent }, { ConsulNameResolver }] = await Promise.all([
    import('./consul-agent.ts'),
    import('./consul-name-resolver.ts'),
  ]);
  return new ConsulNameResolver(await ConsulAgent.open(settings), settings);
}
