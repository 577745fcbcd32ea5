import { existsSync } from 'node:fs';

import type { ComponentSource } from '@outrigger/runtime';

const usualFolder = '/tmp/dapr-components-sockets';

/**
 * Pluggable components on the sockets of the folder that Dapr has for them. While there is no such folder, nothing is loaded for it.
 */
export function pluggableComponents(env: Readonly<Record<string, string | undefined>>): ComponentSource {
  const folder = env['DAPR_COMPONENTS_SOCKETS_FOLDER'] || usualFolder;
  let loading: Promise<ComponentSource> | undefined;
  const load = (): Promise<ComponentSource> =>
    (loading ??= import('@outrigger/pluggable/use').then(({ socketComponents }) => socketComponents({ folder })));
  return {
    find: async (wanted, patience) => (existsSync(folder) ? (await load()).find(wanted, patience) : undefined),
    missing: async (wanted) => (await load()).missing(wanted),
  };
}
