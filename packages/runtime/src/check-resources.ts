import { errorMessage, silentLogger } from '@outrigger/core';

import { Components } from './components/components.ts';
import { planComponents, planNameResolver } from './components/plan-components.ts';
import { startComponent, startOrder } from './components/start-components.ts';
import { definitionsOf } from './create-runtime.ts';
import { loadConfiguration } from './resources/load-configuration.ts';
import { loadResources } from './resources/load-resources.ts';
import { type Problem, Problems, ResourceError } from './resources/problems.ts';
import type { RuntimeOptions } from './runtime.ts';
import { hidingLogger, SecretTexts } from './secret-texts.ts';

/** What came of starting one component. */
export interface ComponentCheck {
  readonly name: string;
  readonly type: string;
  readonly version: string;
  readonly file: string;
  readonly line: number;
  /** Why it does not start, with what to do; empty where it does. */
  readonly problems: readonly string[];
  /** How long its start took. */
  readonly milliseconds: number;
}

export interface ResourceCheck {
  readonly components: readonly ComponentCheck[];
  /** What would keep a sidecar from starting, components that do not start apart. */
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * Reads resources as {@link createRuntime} does and starts their components, each for itself, so that one that fails hides none of
 * the others; closes them again. Rejects with nothing that a user could mend: that is in the result. No secret is in it.
 */
export async function checkResources(options: RuntimeOptions): Promise<ResourceCheck> {
  const { appId, env = process.env, secretTexts = new SecretTexts(), signal = new AbortController().signal } = options;
  const logger = hidingLogger(options.logger ?? silentLogger, secretTexts);
  const namespace = options.namespace ?? env['NAMESPACE'] ?? '';
  const problems = new Problems();
  const [configuration, resources] = await Promise.all([
    loadConfiguration({ files: options.configPaths ?? [], env, problems, logger }),
    loadResources({ folders: options.resourcesPaths ?? [], appId, namespace, problems }),
  ]);
  const definitions = definitionsOf(options, problems);
  const checks: ComponentCheck[] = [];
  const planned = [];
  for (const resource of resources.components) {
    const found = new Problems();
    const mustStart = { ...resource, ignoreErrors: false };
    planned.push(...(await planComponents([mustStart], definitions, configuration, found, logger)));
    for (const warning of found.warnings) problems.warn(warning);
    if (found.errors.length > 0)
      checks.push({ ...identityOf(resource), problems: messagesOf(found.errors), milliseconds: 0 });
  }
  const resolver = await planNameResolver(
    { ...configuration, mode: options.mode ?? 'standalone' },
    definitions,
    problems,
    logger,
  );
  if (resolver !== undefined) planned.push(resolver);

  await using running = new Components(logger);
  const starting = { appId, namespace, env, logger, secretTexts, signal };
  for (const one of startOrder(planned).groups.flat()) {
    const begin = performance.now();
    let failures: readonly string[] = [];
    try {
      running.add(await startComponent(one, running, starting));
    } catch (error) {
      failures = error instanceof ResourceError ? messagesOf(error.problems) : [secretTexts.hide(errorMessage(error))];
      running.addFailed({ resource: one.resource, reason: failures.join('; '), isTriedAgain: false });
    }
    const milliseconds = Math.round(performance.now() - begin);
    checks.push({ ...identityOf(one.resource), problems: failures, milliseconds });
  }
  return { components: checks, errors: problems.errors, warnings: problems.warnings };
}

function identityOf({ name, type, version, file, line }: Omit<ComponentCheck, 'problems' | 'milliseconds'>) {
  return { name, type, version, file, line };
}

function messagesOf(problems: readonly Problem[]): string[] {
  return problems.map(({ message }) => message);
}
