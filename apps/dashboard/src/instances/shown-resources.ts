import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { errorMessage } from '@outrigger/core';
import { isObject, parseYaml } from '@outrigger/runtime/yaml';

import type { DashboardInstance } from './dashboard-instance.ts';
import type { ShownResource, ShownResources } from './instance-details.ts';

/** Components are left out: their metadata may hold secrets under any name, and the sidecar tells what runs. */
const shownKinds = new Set(['Configuration', 'Resiliency', 'Subscription']);
const longest = 1024 * 1024;
const secretName = /passw|secret|token|credential|connection|private|(api|access|account)-?key$/i;

/** What the files of an instance say of policies, subscriptions and configuration. */
export async function readShownResources({
  appId,
  resourcesPaths = [],
  configPaths = [],
}: Pick<DashboardInstance, 'appId' | 'resourcesPaths' | 'configPaths'>): Promise<ShownResources> {
  const resources: ShownResource[] = [];
  const problems: string[] = [];
  const attempt = async (file: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(`${file}: ${errorMessage(error)}`);
    }
  };
  const files = new Set(configPaths);
  for (const folder of resourcesPaths) {
    await attempt(folder, async () => {
      for (const name of (await readdir(folder)).toSorted()) {
        if (/\.(ya?ml)$/.test(name)) files.add(join(folder, name));
      }
    });
  }
  for (const file of files) {
    await attempt(file, async () => {
      if ((await stat(file)).size > longest) throw new Error(`it is longer than ${longest} bytes`);
      for (const { value } of await parseYaml(await readFile(file, 'utf8'))) {
        const shown = shownOf(value, file, appId);
        if (shown !== undefined) resources.push(shown);
      }
    });
  }
  return { resources, problems };
}

function shownOf(value: unknown, file: string, appId: string): ShownResource | undefined {
  if (!isObject(value)) return undefined;
  const { kind, metadata, spec, scopes } = value;
  if (typeof kind !== 'string' || !shownKinds.has(kind)) return undefined;
  if (Array.isArray(scopes) && scopes.length > 0 && !scopes.includes(appId)) return undefined;
  const name = isObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
  return { kind, name, file, spec: withoutSecrets(spec) };
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value === 'string') return value.replace(/:\/\/[^/@\s]+@/, '://…@');
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      secretName.test(name) && (typeof one === 'string' || typeof one === 'number') ? '…' : withoutSecrets(one),
    ]),
  );
}
