import type { ComponentDefinition } from '@outrigger/core';

import { Definitions } from './definitions.ts';
import { InstalledPackages } from './installed-packages.ts';

/**
 * Every definition that an installed package says it has. Rejects with an Error that says what to mend when the package is not there,
 * holds no components, or cannot be imported.
 *
 * @param name of the package, or its path
 * @param searchFrom the folder from which it is looked for, upwards
 */
export async function packageDefinitions(name: string, searchFrom: string): Promise<ComponentDefinition[]> {
  const definitions = new Definitions({ definitions: [], searchFrom, packages: [name] });
  const types = new InstalledPackages(searchFrom).add(name)?.types ?? [];
  const found = await Promise.all(
    types.map(async ({ key }) => {
      const [type = '', version = ''] = key.split('/');
      return (await definitions.find({ type, version })).definition;
    }),
  );
  // One definition may stand behind several names.
  return [...new Set(found)];
}
