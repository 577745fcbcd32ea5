import type { Logger } from '@outrigger/core';

import { type LoadOptions, loadResources } from '../resources/load-resources.ts';
import { describeProblem, Problems } from '../resources/problems.ts';
import type { CompiledPolicies } from './compile-policies.ts';
import { planResiliency } from './resiliency-plan.ts';

/**
 * A way to read the Resiliency resources again, so that `policies` are what these say; it resolves to their names. One reload
 * waits for the other. Other kinds of resources are not looked at, whatever state they are in.
 */
export function reloadOf(
  policies: CompiledPolicies,
  from: Pick<LoadOptions, 'folders' | 'appId' | 'namespace'>,
  logger: Logger,
): (signal: AbortSignal) => Promise<readonly string[]> {
  let last: Promise<unknown> = Promise.resolve();
  const reload = async (signal: AbortSignal): Promise<readonly string[]> => {
    signal.throwIfAborted();
    const problems = new Problems();
    const { resiliencies } = await loadResources({ ...from, problems, kinds: ['Resiliency'] });
    const plan = await planResiliency(resiliencies, problems);
    problems.throwIfAny();
    signal.throwIfAborted();
    for (const warning of problems.warnings) logger.warn(describeProblem(warning));
    policies.replace(plan);
    return resiliencies.map(({ name }) => name);
  };
  return (signal) => {
    const reloading = last.then(() => reload(signal));
    last = reloading.catch(() => {});
    return reloading;
  };
}
