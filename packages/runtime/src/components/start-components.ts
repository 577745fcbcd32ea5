import { type ComponentKind, type ComponentKinds, type Logger, errorMessage, parseMetadata } from '@outrigger/core';

import { type ComponentResource } from '../resources/component-resource.ts';
import { type Problem, Problems, ResourceError } from '../resources/problems.ts';
import { blockFields } from './block-fields.ts';
import { capabilitiesOf } from './capabilities.ts';
import { type ComponentInstance, propertyOf } from './component-instance.ts';
import { type Components } from './components.ts';
import { type FoundDefinition } from './definitions.ts';
import { resolveValues, usesNamespace } from './property-values.ts';

/** A resource and what stands behind its type. */
export interface PlannedComponent extends FoundDefinition {
  readonly resource: ComponentResource;
}

export interface StartOptions {
  readonly appId: string;
  readonly namespace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Starts all components: secret stores first, each after the store that holds its own secrets, then the rest at the same
 * time. Those that run are added to `running` as they come up. Rejects with a {@link ResourceError} that lists every
 * component that did not start, `ignoreErrors` apart; what runs by then is left to the caller to dispose.
 */
export async function startComponents(
  planned: readonly PlannedComponent[],
  running: Components,
  options: StartOptions,
): Promise<void> {
  for (const group of startOrder(planned)) {
    const problems = new Problems();
    await Promise.all(
      group.map(async (one) => {
        const found = await startOrExplain(one, running, options);
        for (const problem of found) {
          if (one.resource.ignoreErrors) options.logger.error(`${explain(problem)}; ignored, as ignoreErrors says`);
          else problems.error(problem);
        }
      }),
    );
    problems.throwIfAny();
  }
}

/** Groups of components that may start at the same time, in order. */
function startOrder(planned: readonly PlannedComponent[]): PlannedComponent[][] {
  const stores = planned.filter(({ kind }) => kind === 'secrets');
  const groups: PlannedComponent[][] = [];
  let waiting = stores;
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ resource }) => resource.name));
    const free = waiting.filter(({ resource }) => !needsStore(resource) || !names.has(resource.secretStore));
    // In a circle nobody can be first: they all start now, and the one whose store is missing says so.
    const group = free.length > 0 ? free : waiting;
    groups.push(group);
    waiting = waiting.filter((one) => !group.includes(one));
  }
  return [...groups, planned.filter(({ kind }) => kind !== 'secrets')];
}

function needsStore({ metadata }: ComponentResource): boolean {
  return metadata.some(({ secretKeyRef }) => secretKeyRef !== undefined);
}

/** Starts one component and adds it to those that run, or says what is wrong with it. */
async function startOrExplain(
  one: PlannedComponent,
  running: Components,
  options: StartOptions,
): Promise<readonly Problem[]> {
  const { resource, kind } = one;
  try {
    const component = await start(one, running, options);
    running.add(component);
    options.logger.info(`Component loaded: ${resource.name} (${resource.type}/${resource.version})`);
    return [];
  } catch (error) {
    if (error instanceof ResourceError) return error.problems;
    options.logger.debug(`Component ${resource.name} (${kind}) failed to start`, { error });
    return [problemOf(resource, `(${resource.type}/${resource.version}) did not start: ${errorMessage(error)}`)];
  }
}

async function start(
  { resource, kind, definition }: PlannedComponent,
  running: Components,
  { appId, namespace, env, logger, signal }: StartOptions,
): Promise<ComponentInstance> {
  const { name, type, version, metadata } = resource;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(resource.initTimeout)]);
  const secretStore = (store: string) => running.get('secrets', store)?.instance;
  const owner = { resource: nameOf(resource), secretStore: resource.secretStore };
  const properties = await resolveValues(metadata, owner, { appId, namespace, env, secretStore }, limit);
  if (kind === 'pubsub' && propertyOf(properties, 'consumerID') === undefined) {
    for (const given of Object.keys(properties)) if (given.toLowerCase() === 'consumerid') delete properties[given];
    properties['consumerID'] = appId;
  }

  const parsed = parseMetadata(definition.metadata, properties, blockFields[kind]);
  for (const { field, suggestion } of parsed.unknown) {
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
    logger.warn(
      explain(
        problemOf(resource, `metadata field ${field} is unknown to ${type}/${version} and is ignored${hint}`, field),
      ),
    );
  }
  if (parsed.problems.length > 0) {
    throw new ResourceError(
      parsed.problems.map(({ field, message }) =>
        problemOf(resource, `metadata field ${field}${message.startsWith('is ') ? '' : ':'} ${message}`, field),
      ),
    );
  }

  const context = { name, metadata: parsed.values, properties, appId, namespace, logger, signal: limit };
  const instance = await withinInitTimeout(definition.create(context), resource, limit, logger);
  return {
    kind,
    name,
    type,
    version,
    definition,
    resource,
    properties,
    instance,
    namespaced: usesNamespace(metadata),
    capabilities: capabilitiesOf(kind, instance),
  };
}

/** Also ends a `create` that does not heed its signal; what it gives too late is disposed. */
function withinInitTimeout<K extends ComponentKind>(
  created: Promise<ComponentKinds[K]>,
  resource: ComponentResource,
  signal: AbortSignal,
  logger: Logger,
): Promise<ComponentKinds[K]> {
  return new Promise((resolve, reject) => {
    let over = false;
    const onAbort = (): void => {
      over = true;
      const timedOut = (signal.reason as Error | undefined)?.name === 'TimeoutError';
      const message = `it was not up within ${resource.initTimeout} ms; check that what it connects to answers, or give it more time with spec.initTimeout`;
      reject(timedOut ? new Error(message) : (signal.reason as Error));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    created.then(
      async (instance) => {
        signal.removeEventListener('abort', onAbort);
        if (!over) return resolve(instance);
        try {
          await instance[Symbol.asyncDispose]();
        } catch (error) {
          logger.warn(`Component ${resource.name} came up too late and did not close cleanly`, { error });
        }
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        if (!over) reject(error);
      },
    );
    if (signal.aborted) onAbort();
  });
}

function nameOf({ name }: { readonly name: string }): string {
  return `Component "${name}"`;
}

/** A problem of a component, at the line of one of its metadata fields where that is given in the YAML. */
export function problemOf(resource: ComponentResource, message: string, field?: string): Problem {
  const entry = resource.metadata.find(({ name }) => name.toLowerCase() === field?.toLowerCase());
  const { file, line } = entry ?? resource;
  return { file, line, resource: nameOf(resource), message };
}

function explain(problem: Problem): string {
  return new ResourceError([problem]).message;
}
