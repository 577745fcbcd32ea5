import { errorMessage, type Logger, silentLogger } from '@outrigger/core';

import type { RuntimeParts } from './building-blocks.ts';
import { Components } from './components/components.ts';
import { Definitions } from './components/definitions.ts';
import { permitted, planComponents, planNameResolver } from './components/plan-components.ts';
import { resolveHttpEndpoints } from './components/resolve-http-endpoints.ts';
import { checkMetadata, startComponent, startComponents } from './components/start-components.ts';
import { compilePolicies } from './resilience/compile-policies.ts';
import { reloadOf } from './resilience/policies-reload.ts';
import type { Configuration } from './resources/configuration.ts';
import { loadConfiguration } from './resources/load-configuration.ts';
import { loadResources } from './resources/load-resources.ts';
import { describeProblem, Problems, ResourceError } from './resources/problems.ts';
import { RunningRuntime } from './running-runtime.ts';
import type { Runtime, RuntimeOptions } from './runtime.ts';
import { hidingLogger, SecretTexts } from './secret-texts.ts';

const never = new AbortController().signal;

/**
 * Loads the resources, starts their components and hands back the building blocks. Resolves once all of that can be used; the
 * app is not connected before `connectApp`. Rejects with a {@link ResourceError} that lists everything the user has to mend,
 * and leaves nothing running behind. The app channel and the peers stay with whoever made them.
 *
 * @example
 * await using runtime = await createRuntime({ appId: 'orders', resourcesPaths: ['./components'] });
 * await runtime.state('statestore').save([{ key: 'k', value: Buffer.from('1') }]);
 */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { appId, env = process.env, signal = never, secretTexts = new SecretTexts() } = options;
  const given = options.logger ?? silentLogger;
  // whoever brings the secret texts hides them in all of its log
  const logger = options.secretTexts === undefined ? hidingLogger(given, secretTexts) : given;
  const namespace = options.namespace ?? env['NAMESPACE'] ?? '';
  const problems = new Problems();
  if (appId === '') problems.error({ message: 'appId is missing: the name by which other apps call this one' });

  const [configuration, resources] = await Promise.all([
    loadConfiguration({ files: options.configPaths ?? [], env, problems, logger }),
    loadResources({ folders: options.resourcesPaths ?? [], appId, namespace, problems }),
  ]);
  warnOfUnenforced(configuration, logger);
  const policies = await compilePolicies(resources.resiliencies, problems, logger, options.metrics);
  const definitions = definitionsOf(options, problems);
  const planned = await planComponents(resources.components, definitions, configuration, problems, logger);
  const resolver =
    options.peers &&
    (await planNameResolver({ ...configuration, mode: options.mode ?? 'standalone' }, definitions, problems, logger));
  for (const warning of problems.warnings) logger.warn(describeProblem(warning));

  const components = new Components(logger);
  const triesAgain = options.retryComponents === true;
  const starting = { appId, namespace, env, logger, secretTexts, signal, metrics: options.metrics, triesAgain };
  if (problems.errors.length > 0) await checkMetadata(planned, components, problems, starting);
  problems.throwIfAny();
  await options.prepare?.(configuration, signal);
  const secretStore = (name: string) =>
    components.get('secrets', name)?.instance ?? (components.failed(name) && 'failed');
  const origins = { appId, namespace, env, secretStore, secretTexts, logger };
  try {
    const all = resolver === undefined ? planned : [...planned, resolver];
    await startComponents(all, components, starting);
    const httpEndpointsOf: RuntimeParts['resolveHttpEndpoints'] = (found, own) =>
      resolveHttpEndpoints(found, origins, own);
    const runtime = new RunningRuntime({
      options,
      namespace,
      logger,
      secretTexts,
      configuration,
      resources,
      policies,
      components,
      httpEndpoints: await httpEndpointsOf(resources.httpEndpoints, signal).catch((error: unknown) => {
        if (!triesAgain || !(error instanceof ResourceError) || !error.isTemporary) throw error;
        for (const problem of error.problems)
          logger.error(`${describeProblem(problem)}; no HTTPEndpoint is there until it can be read`);
        return undefined;
      }),
      resolveHttpEndpoints: httpEndpointsOf,
      resolver: components.ofKind('nameresolution')[0]?.instance,
      reloadResiliencies: reloadOf(policies, { folders: options.resourcesPaths ?? [], appId, namespace }, logger),
      loadResources: async (current) => {
        const found = new Problems();
        const again = await loadResources({ folders: options.resourcesPaths ?? [], appId, namespace, problems: found });
        found.throwIfAny();
        return { ...again, components: permitted(again.components, current) };
      },
      loadConfiguration: async () => {
        const found = new Problems();
        const again = await loadConfiguration({ files: options.configPaths ?? [], env, problems: found, logger });
        found.throwIfAny();
        return again;
      },
      startComponent: async (resource, own) => {
        const found = await definitions.find(resource, AbortSignal.timeout(resource.initTimeout));
        return startComponent({ ...found, resource }, components, { ...starting, signal: own });
      },
    });
    await runtime.start(signal);
    return runtime;
  } catch (error) {
    await components[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw error;
  }
}

/** Where components come from. What is wrong with the packages that are named goes to `problems`. */
export function definitionsOf(
  { components = [], componentSource: source, searchFrom = process.cwd(), packages = [] }: RuntimeOptions,
  problems: Problems,
): Definitions {
  try {
    return new Definitions({ definitions: components, searchFrom, packages, source });
  } catch (error) {
    problems.error({ message: errorMessage(error) });
    return new Definitions({ definitions: components, searchFrom, packages: [], source });
  }
}

/** What the Configuration asks for to protect the app, and nothing here enforces yet, is said aloud. */
function warnOfUnenforced({ httpPipeline, appHttpPipeline }: Configuration, logger: Logger): void {
  const unenforced = [
    ...(httpPipeline.length > 0 ? ['httpPipeline'] : []),
    ...(appHttpPipeline.length > 0 ? ['appHttpPipeline'] : []),
  ];
  for (const name of unenforced) logger.warn(`the Configuration's ${name} is not supported yet and protects nothing`);
}
