import {
  ComponentError,
  type ComponentKind,
  errorMessage,
  type Fields,
  type Logger,
  parseMetadata,
  policy,
  timeout,
  TimeoutError,
} from '@outrigger/core';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Metrics } from '../metrics.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import { type Problem, Problems, ResourceError } from '../resources/problems.ts';
import type { SecretTexts } from '../secret-texts.ts';
import { Availability } from './availability.ts';
import { blockFields } from './block-fields.ts';
import { countCalls } from './call-count.ts';
import { capabilitiesOf } from './capabilities.ts';
import { type ComponentInstance, propertyOf } from './component-instance.ts';
import { componentLogger } from './component-logger.ts';
import type { Components } from './components.ts';
import type { FoundDefinition } from './definitions.ts';
import { resolveValues, usesNamespace } from './property-values.ts';

/** Kinds whose components are closed, after a change, once no call is under way. */
const counting: ReadonlySet<ComponentKind> = new Set([
  'state',
  'secrets',
  'lock',
  'bindings',
  'configuration',
] as const);

/** A resource and what stands behind its type. */
export interface PlannedComponent extends FoundDefinition {
  readonly resource: ComponentResource;
}

export interface StartOptions {
  readonly appId: string;
  readonly namespace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Is told the secrets that components get; hides them in what is said of components that do not start. */
  readonly secretTexts: SecretTexts;
  /** Takes what is counted. Absent: nobody does. */
  readonly metrics?: Metrics | undefined;
  readonly signal: AbortSignal;
  /** Components that only wait for something that is away stop nothing: they are told of as failed. Default: they do. */
  readonly triesAgain?: boolean | undefined;
}

/**
 * Starts all components: secret stores first, each after the store that holds its own secrets, then the rest at the same
 * time. Those that run are added to `running` as they come up. Rejects with a {@link ResourceError} that lists every
 * component that did not start, but for those with `ignoreErrors` and those that are tried again; what runs by then is left to the
 * caller to dispose.
 */
export async function startComponents(
  planned: readonly PlannedComponent[],
  running: Components,
  options: StartOptions,
): Promise<void> {
  const { groups, circle } = startOrder(planned);
  for (const group of groups) {
    const problems = new Problems();
    await Promise.all(
      group.map(async (one) => {
        const failure = circle.has(one)
          ? new ResourceError([circleProblem(one, planned)])
          : await startOrExplain(one, running, options);
        if (failure === undefined) return;
        const { resource } = one;
        // a name resolver is no Component that could come later
        const isTriedAgain = options.triesAgain === true && failure.isTemporary && one.kind !== 'nameresolution';
        running.addFailed({ resource, reason: reasonOf(failure), isTriedAgain });
        for (const problem of failure.problems) {
          if (isTriedAgain) options.logger.error(`${explain(problem)}; it is tried again in the background`);
          else if (resource.ignoreErrors) options.logger.error(`${explain(problem)}; ignored, as ignoreErrors says`);
          else problems.error(problem);
        }
      }),
    );
    problems.throwIfAny();
  }
}

/**
 * Adds what is wrong with the metadata of components that will not be started, because something else is wrong already. Metadata
 * with secrets is left out: no secret store is up.
 */
export async function checkMetadata(
  planned: readonly PlannedComponent[],
  running: Components,
  problems: Problems,
  options: StartOptions,
): Promise<void> {
  for (const one of planned) {
    if (needsStore(one.resource) || one.resource.ignoreErrors) continue;
    try {
      await readMetadata(one, running, options, options.signal);
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      for (const problem of error.problems) problems.error(problem);
    }
  }
}

/** Groups of components that may start at the same time, in order; `circle`: secret stores among them that never can. */
export function startOrder(planned: readonly PlannedComponent[]): {
  readonly groups: readonly (readonly PlannedComponent[])[];
  readonly circle: ReadonlySet<PlannedComponent>;
} {
  const stores = planned.filter(({ kind }) => kind === 'secrets');
  const circle = new Set(stores.filter((one) => circleOf(one, stores) !== undefined));
  const groups: PlannedComponent[][] = circle.size > 0 ? [[...circle]] : [];
  let waiting = stores.filter((one) => !circle.has(one));
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ resource }) => resource.name));
    const group = waiting.filter(({ resource }) => !needsStore(resource) || !names.has(resource.secretStore));
    groups.push(group);
    waiting = waiting.filter((one) => !group.includes(one));
  }
  groups.push(planned.filter(({ kind }) => kind !== 'secrets'));
  return { groups, circle };
}

/** The names on the way from a secret store over those that hold the secrets back to itself, if it leads there. */
function circleOf(start: PlannedComponent, stores: readonly PlannedComponent[]): readonly string[] | undefined {
  const way: string[] = [];
  let at: PlannedComponent | undefined = start;
  while (at !== undefined && needsStore(at.resource)) {
    const { name, secretStore }: ComponentResource = at.resource;
    if (way.includes(name)) return undefined;
    way.push(name);
    if (secretStore === start.resource.name) return [...way, secretStore];
    at = stores.find(({ resource }) => resource.name === secretStore);
  }
  return undefined;
}

function circleProblem(one: PlannedComponent, planned: readonly PlannedComponent[]): Problem {
  const way = circleOf(one, planned)?.join(' → ');
  const message = `auth.secretStore: secret stores hold the secrets of each other (${way}); one of them has to do without secretKeyRef`;
  return problemOf(one.resource, message);
}

function needsStore({ metadata }: ComponentResource): boolean {
  return metadata.some(({ secretKeyRef }) => secretKeyRef !== undefined);
}

function labelOf({ name, type, version }: ComponentResource): string {
  return `${name} (${type}/${version})`;
}

/** Starts one component and adds it to those that run, or says what is wrong with it. */
async function startOrExplain(
  one: PlannedComponent,
  running: Components,
  options: StartOptions,
): Promise<ResourceError | undefined> {
  try {
    running.add(await startComponent(one, running, options));
    return undefined;
  } catch (error) {
    if (error instanceof ResourceError) return error;
    throw error;
  }
}

/** Why a component did not start, without the places in its file. */
export function reasonOf({ problems }: ResourceError): string {
  return problems.map(({ message }) => message).join('; ');
}

/** Starts one component; `running`: where its secrets are. Rejects with a {@link ResourceError} that says what is wrong with it. */
export async function startComponent(
  one: PlannedComponent,
  running: Components,
  options: StartOptions,
): Promise<ComponentInstance> {
  const { resource, definition } = one;
  const { logger } = options;
  const label = labelOf(resource);
  let attempt: Promise<ComponentInstance> | undefined;
  const withinInitTimeout = policy<ComponentInstance>([timeout(resource.initTimeout)], {
    // also a `create` that does not heed its signal leaves nothing behind
    discard: ({ instance }) => {
      instance[Symbol.asyncDispose]().then(undefined, (error: unknown) => {
        logger.warn(`Component ${label} came up too late and did not close cleanly`, { error });
      });
    },
  });
  let isLoaded = false;
  try {
    await definition.load?.();
    isLoaded = true;
    const instance = await withinInitTimeout.execute((signal) => {
      attempt = start(one, running, options, signal);
      return attempt;
    }, options.signal);
    logger.info(`Component loaded: ${label}`);
    options.metrics?.count('dapr_runtime_component_loaded');
    options.metrics?.count('dapr_runtime_component_init_total', { component: resource.type });
    return instance;
  } catch (error) {
    options.metrics?.count('dapr_runtime_component_init_fail_total', {
      component: resource.type,
      componentName: resource.name,
      reason: 'init',
    });
    if (error instanceof ResourceError) throw error;
    logger.debug(`Component ${label} did not start`, { error });
    const reason = TimeoutError.is(error)
      ? `it was not up within ${resource.initTimeout} ms: ${await whatKeeps(attempt)}, or give it more time with spec.initTimeout`
      : errorMessage(error);
    const message = `(${resource.type}/${resource.version}) did not start: ${options.secretTexts.hide(reason)}`;
    const isTemporary = isLoaded && (!ComponentError.is(error) || error.retryable);
    throw new ResourceError([problemOf(resource, message)], { cause: error, isTemporary });
  }
}

/** What an attempt that has run out of time has to say about it, if it says so at once. */
async function whatKeeps(attempt: Promise<ComponentInstance> | undefined): Promise<string> {
  const error: unknown = await Promise.race([attempt?.catch((reason: unknown) => reason), nextTurn()]);
  return ComponentError.is(error) ? error.message : 'check that what it connects to answers';
}

async function start(
  one: PlannedComponent,
  running: Components,
  options: StartOptions,
  signal: AbortSignal,
): Promise<ComponentInstance> {
  const { resource, kind, definition } = one;
  const { name, type, version, metadata } = resource;
  const { appId, namespace, logger } = options;
  const { properties, parsed } = await readMetadata(one, running, options, signal);
  const bound = componentLogger(logger, labelOf(resource));
  const context = { name, metadata: parsed.values, properties, appId, namespace, logger: bound, signal };
  const created = await definition.create(context);
  const { instance, idle, availability } = counting.has(kind)
    ? countCalls(created)
    : { instance: created, idle: undefined, availability: new Availability() };
  return {
    ...(idle && { idle }),
    kind,
    name,
    type,
    version,
    definition,
    resource,
    properties,
    instance,
    availability,
    namespaced: usesNamespace(metadata),
    capabilities: capabilitiesOf(kind, created),
  };
}

/**
 * The metadata with its values resolved and checked; warns of fields that are unknown. Rejects with a {@link ResourceError} that
 * lists all that is wrong with it.
 */
async function readMetadata(
  { resource, kind, definition }: PlannedComponent,
  running: Components,
  { appId, namespace, env, logger, secretTexts }: StartOptions,
  signal: AbortSignal,
): Promise<{ readonly properties: Record<string, string>; readonly parsed: ReturnType<typeof parseMetadata> }> {
  const secretStore = (store: string) => running.get('secrets', store)?.instance ?? (running.failed(store) && 'failed');
  const owner = { resource: nameOf(resource), secretStore: resource.secretStore };
  const origins = { appId, namespace, env, secretStore, secretTexts, logger };
  const properties = await resolveValues(resource.metadata, owner, origins, signal);
  for (const name of secretFields(definition.metadata)) secretTexts.add(propertyOf(properties, name) ?? '');
  if (kind === 'pubsub' && propertyOf(properties, 'consumerID') === undefined) {
    for (const given of Object.keys(properties)) if (given.toLowerCase() === 'consumerid') delete properties[given];
    properties['consumerID'] = appId;
  }
  const parsed = parseMetadata(definition.metadata, properties, blockFields[kind]);
  for (const { field, suggestion } of definition.takesAnyMetadata ? [] : parsed.unknown) {
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
    const message = `metadata field ${field} is unknown to ${resource.type}/${resource.version} and is ignored${hint}`;
    logger.warn(explain(problemOf(resource, message, field)));
  }
  if (parsed.problems.length > 0) {
    throw new ResourceError(
      parsed.problems.map(({ field, message }) =>
        problemOf(resource, `metadata field ${field}${message.startsWith('is ') ? '' : ':'} ${message}`, field),
      ),
    );
  }
  return { properties, parsed };
}

/** What is a secret wherever its value comes from: fields that the component marks as such, and the keys that encrypt state. */
function secretFields(fields: Fields): string[] {
  const own = Object.entries(fields).flatMap(([name, { secret, aliases = [] }]) => (secret ? [name, ...aliases] : []));
  return [...own, 'primaryEncryptionKey', 'secondaryEncryptionKey'];
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
