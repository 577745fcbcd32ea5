import { errorMessage, type Logger } from '@outrigger/core';

import type { ComponentResource } from '../resources/component-resource.ts';
import type { Configuration } from '../resources/configuration.ts';
import { describeProblem, type Problem, type Problems } from '../resources/problems.ts';
import type { RuntimeOptions } from '../runtime.ts';
import { type Definitions, UnknownTypeError } from './definitions.ts';
import { type PlannedComponent, problemOf } from './start-components.ts';

/**
 * Finds the definition behind each resource; those that the Configuration denies are left out. What cannot be found goes to
 * `problems`, or only to the log where the resource says `ignoreErrors`.
 */
export async function planComponents(
  resources: readonly ComponentResource[],
  definitions: Definitions,
  { deniedComponents }: Configuration,
  problems: Problems,
  logger: Logger,
): Promise<PlannedComponent[]> {
  const planned = await Promise.all(
    resources.map(async (resource): Promise<PlannedComponent | undefined> => {
      // its reader has already reported what is missing
      if (resource.type === '' || resource.name === '') return undefined;
      const denied = deniedComponents.find((rule) => isDenied(resource, rule));
      if (denied !== undefined) {
        problems.warn(problemOf(resource, `is not loaded, since the Configuration denies ${denied}`));
        return undefined;
      }
      const failed = (message: string): undefined => report(problemOf(resource, message), resource, problems, logger);
      try {
        const found = await definitions.find(resource, AbortSignal.timeout(resource.initTimeout));
        if (found.kind !== 'nameresolution') return { ...found, resource };
        return failed('name resolution is chosen in spec.nameResolution of a Configuration, not by a Component');
      } catch (error) {
        return failed(errorMessage(error));
      }
    }),
  );
  return planned.filter((one) => one !== undefined);
}

/**
 * The name resolver that the Configuration names, else the one of the mode, else one that an installed package offers as a default;
 * `undefined` when there is none.
 */
export async function planNameResolver(
  { nameResolution, mode = 'standalone' }: Pick<Configuration, 'nameResolution'> & Pick<RuntimeOptions, 'mode'>,
  definitions: Definitions,
  problems: Problems,
  logger: Logger,
): Promise<PlannedComponent | undefined> {
  const usual =
    mode === 'standalone'
      ? definitions.defaultFor('nameresolution')
      : { type: `nameresolution.${mode}`, version: 'v1' };
  const wanted =
    nameResolution === undefined
      ? usual
      : { type: `nameresolution.${nameResolution.component.toLowerCase()}`, version: nameResolution.version };
  if (wanted === undefined) {
    logger.debug('no package that resolves names is installed: other apps can only be called by URL');
    return undefined;
  }
  const configuration = nameResolution?.configuration ?? {};
  const position = { file: nameResolution?.file ?? 'the default', line: nameResolution?.line ?? 1 };
  const resource: ComponentResource = {
    ...position,
    ...wanted,
    name: wanted.type,
    namespace: '',
    metadata: Object.entries(configuration).map(([name, value]) => ({ ...position, name, value })),
    initTimeout: 5000,
    // one that nobody asked for must not keep a sidecar from starting that may never call another app
    ignoreErrors: nameResolution === undefined,
    secretStore: '',
  };
  try {
    return { ...(await definitions.find(wanted)), resource };
  } catch (error) {
    // A resolver that Dapr has and nobody provides here yet: on one machine another one does as well.
    const mayDoWithout = error instanceof UnknownTypeError && usual !== wanted;
    const found =
      mayDoWithout && usual !== undefined ? await definitions.find(usual).catch(() => undefined) : undefined;
    if (usual === undefined || found === undefined) {
      problems.error({ ...position, message: errorMessage(error) });
      return undefined;
    }
    const reason = errorMessage(error);
    logger.warn(`${position.file}:${position.line}: ${reason}; ${usual.type} with its defaults is used instead`);
    return { ...found, resource: { ...resource, ...usual, name: usual.type, metadata: [] } };
  }
}

/** Leaves out what the Configuration denies. */
export function permitted(
  resources: readonly ComponentResource[],
  { deniedComponents }: Pick<Configuration, 'deniedComponents'>,
): readonly ComponentResource[] {
  return resources.filter((resource) => !deniedComponents.some((rule) => isDenied(resource, rule)));
}

/** `state.x` denies all versions, `state.x/v1` one. */
function isDenied({ type, version }: ComponentResource, rule: string): boolean {
  const lower = rule.trim().toLowerCase();
  return lower === type.toLowerCase() || lower === `${type}/${version}`.toLowerCase();
}

function report(problem: Problem, resource: ComponentResource, problems: Problems, logger: Logger): undefined {
  if (resource.ignoreErrors) logger.error(`${describeProblem(problem)}; ignored, as ignoreErrors says`);
  else problems.error(problem);
}
