import { ComponentError, type ComponentKind, type Logger, type NameResolver, parseBoolean } from '@outrigger/core';

import { ConfigurationBlock } from './blocks/configuration.ts';
import { checkOutbox, Outboxes } from './blocks/outboxes.ts';
import type { Broker } from './blocks/pubsub-broker.ts';
import { InputBindings } from './blocks/input-bindings.ts';
import { LockBlock, type LockComponent } from './blocks/lock.ts';
import { OutputBindingsBlock } from './blocks/output-bindings.ts';
import { SecretsBlock } from './blocks/secrets.ts';
import { StateBlock, type StateComponent } from './blocks/state.ts';
import { metersOf } from './component-meter.ts';
import { type ComponentInstance, propertyOf } from './components/component-instance.ts';
import { Subscriptions } from './blocks/subscriptions.ts';
import type { Components } from './components/components.ts';
import { notStarted } from './components/not-started.ts';
import { problemOf } from './components/start-components.ts';
import { appOutcome } from './resilience/app-outcome.ts';
import { following } from './resilience/following.ts';
import type { Policies } from './resilience/policies.ts';
import type { ComponentResource } from './resources/component-resource.ts';
import type { Configuration } from './resources/configuration.ts';
import type { HttpEndpoint, HttpEndpointResource } from './resources/http-endpoint-resource.ts';
import type { Resources } from './resources/load-resources.ts';
import { describeProblem, ResourceError } from './resources/problems.ts';
import type { LoadedComponent, RuntimeOptions } from './runtime.ts';
import type { SecretTexts } from './secret-texts.ts';

/** What the building blocks are made of. */
export interface RuntimeParts {
  readonly options: RuntimeOptions;
  readonly namespace: string;
  readonly logger: Logger;
  readonly secretTexts: SecretTexts;
  readonly configuration: Configuration;
  readonly resources: Resources;
  readonly policies: Policies;
  readonly components: Components;
  /** `undefined`: a secret store that they need is away, as may be where components are tried again. */
  readonly httpEndpoints: readonly HttpEndpoint[] | undefined;
  readonly resolver: NameResolver | undefined;
  /** Reads the Resiliency resources again and makes `policies` follow; resolves to the names of the resources. */
  readonly reloadResiliencies: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Reads all resources again, but for components that the Configuration denies. Rejects with a ResourceError when one of them is wrong. */
  readonly loadResources: (configuration: Configuration) => Promise<Resources>;
  /** Reads the Configuration again. Rejects with a ResourceError when a file is wrong. */
  readonly loadConfiguration: () => Promise<Configuration>;
  /** Fills in their secrets. Rejects with a ResourceError. */
  readonly resolveHttpEndpoints: (
    resources: readonly HttpEndpointResource[],
    signal: AbortSignal,
  ) => Promise<readonly HttpEndpoint[]>;
  /** Makes a component, which is not among `components` yet. Rejects with what the user has to mend. */
  readonly startComponent: (resource: ComponentResource, signal: AbortSignal) => Promise<ComponentInstance>;
}

const ready = { status: 'ready' } as const;

/** The components of these resources, in their order, as the metadata API tells of them. */
export function loadedComponents(
  resources: readonly ComponentResource[],
  { components, secretTexts }: Pick<RuntimeParts, 'components' | 'secretTexts'>,
): LoadedComponent[] {
  const running = new Map(components.all.map((one) => [one.resource, one]));
  return resources.flatMap((resource): LoadedComponent[] => {
    const { name, type, version } = resource;
    const one = running.get(resource);
    if (one !== undefined) {
      const { capabilities, availability } = one;
      const { problem } = availability;
      const message = problem === undefined ? undefined : secretTexts.hide(problem);
      return [
        { name, type, version, capabilities, ...(message === undefined ? ready : { status: 'unavailable', message }) },
      ];
    }
    const failed = components.failed(name);
    if (!failed?.isTriedAgain || failed.resource !== resource) return [];
    return [{ name, type, version, capabilities: [], status: 'retrying', message: failed.reason }];
  });
}

/** Who counts the calls of each component of a block. */
function meters({ options, namespace }: Pick<RuntimeParts, 'options' | 'namespace'>, family: string, further?: '') {
  return metersOf({ metrics: options.metrics, namespace }, family, further);
}

/** Asks once for each name, when it is first used: components may come later. */
function perComponent<T>(ask: (name: string) => () => T): (name: string) => T {
  const known = new Map<string, () => T>();
  return (name) => {
    let answer = known.get(name);
    if (answer === undefined) known.set(name, (answer = ask(name)));
    return answer();
  };
}

/** The outbound policy of each of these components, by name. */
function outboundOf(components: readonly ComponentInstance[], policies: Policies) {
  const byName = new Map(components.map((one) => [one.name, following(policies, () => policies.outbound(one))]));
  return (name: string) => byName.get(name)?.();
}

/** Throws a ResourceError for an outbox that cannot work. */
export function outboxes(parts: RuntimeParts, brokers: ReadonlyMap<string, Broker>): Outboxes {
  const { components, resources, options, namespace, logger } = parts;
  const stores = components.ofKind('state');
  refuseOutboxes(stores, resources.components);
  return new Outboxes({ stores, brokers, appId: options.appId, namespace, logger });
}

/** Throws a ResourceError for an outbox that cannot work; `declared`: all resources. */
export function refuseOutboxes(
  stores: readonly ComponentInstance<'state'>[],
  declared: readonly ComponentResource[],
): void {
  const pubsubs = declared.filter(({ type }) => type.startsWith('pubsub.')).map(({ name }) => name);
  refuseUnusable(stores, (store) => checkOutbox(store, pubsubs));
}

export function stateBlock(parts: RuntimeParts, { of }: Pick<Outboxes, 'of'>): StateBlock {
  const { components, policies, options: own, namespace, secretTexts } = parts;
  const stores = components.ofKind('state');
  warnOfSeveralActorStores(parts);
  const options = {
    appId: own.appId,
    namespace,
    policy: outboundOf(stores, policies),
    hideSecrets: (text: string) => secretTexts.hide(text),
    meter: meters(parts, 'state'),
  };
  const stateOf = (store: ComponentInstance<'state'>) => ({ ...stateComponent(store), outbox: of(store.name) });
  refuseUnusable(stores, (store) => new StateBlock([stateOf(store)], options));
  return new StateBlock(stores.map(stateOf), options);
}

/** Any number of stores may be loaded; actors keep their state in one, the first that says it is theirs. */
function warnOfSeveralActorStores({ resources, components, logger }: RuntimeParts): void {
  const [first, ...others] = resources.components.filter((resource) => {
    const store = components.get('state', resource.name);
    return store?.resource === resource && parseBoolean(propertyOf(store.properties, 'actorStateStore') ?? '') === true;
  });
  for (const resource of others) {
    const message = `actorStateStore is ignored, as "${first?.name ?? ''}" has it, too; actors keep their state there`;
    logger.warn(describeProblem(problemOf(resource, message, 'actorStateStore')));
  }
}

/** Without an app nobody is subscribed. */
export function subscriptionsBlock(
  { options, resources, policies, logger }: RuntimeParts,
  brokers: ReadonlyMap<string, Broker>,
): Subscriptions | undefined {
  const { app } = options;
  return (
    app &&
    new Subscriptions({
      brokers,
      channel: app,
      declarative: resources.subscriptions,
      components: resources.components,
      logger,
      initializationRetry: () => policies.initializationRetry,
    })
  );
}

/** Without an app no binding brings anything in. */
export function bindingsBlock({ options, components, policies, logger, namespace }: RuntimeParts): {
  readonly outputs: OutputBindingsBlock;
  readonly inputs: InputBindings | undefined;
} {
  const { app } = options;
  const bindings = components.ofKind('bindings');
  const outbound = perComponent((name) => {
    const one = components.get('bindings', name);
    return following(policies, () => one && policies.outbound(one));
  });
  const inbound = perComponent((name) => {
    const one = components.get('bindings', name);
    return following(policies, () => one && policies.inbound(one, appOutcome));
  });
  const outputs = new OutputBindingsBlock(
    bindings,
    (name) => outbound(name),
    meters({ options, namespace }, 'output_binding'),
    (name) => notStarted(components, name),
  );
  const inputs =
    app &&
    new InputBindings({
      channel: app,
      components: bindings,
      outputs,
      inbound: (name) => inbound(name),
      initializationRetry: () => policies.initializationRetry,
      logger,
      meter: meters({ options, namespace }, 'input_binding', ''),
      tracer: options.tracer?.(),
    });
  return { outputs, inputs };
}

export function secretsBlock(parts: RuntimeParts, { secretScopes }: Configuration): SecretsBlock {
  const { components, policies } = parts;
  const stores = components.ofKind('secrets');
  return new SecretsBlock(
    stores.map(({ name, instance }) => ({ name, store: instance })),
    { scopes: secretScopes, policy: outboundOf(stores, policies), meter: meters(parts, 'secret') },
  );
}

export function lockBlock({ components, policies, options: { appId } }: RuntimeParts): LockBlock {
  const stores = components.ofKind('lock');
  const options = { appId, policy: outboundOf(stores, policies) };
  refuseUnusable(stores, (store) => new LockBlock([lockComponent(store)], options));
  return new LockBlock(stores.map(lockComponent), options);
}

/** Throws one ResourceError that names every component with which `use` throws a ComponentError. */
function refuseUnusable<K extends ComponentKind>(
  components: readonly ComponentInstance<K>[],
  use: (component: ComponentInstance<K>) => void,
): void {
  const problems = components.flatMap((component) => {
    try {
      use(component);
      return [];
    } catch (error) {
      if (!ComponentError.is(error)) throw error;
      return [problemOf(component.resource, error.message)];
    }
  });
  if (problems.length > 0) throw new ResourceError(problems);
}

export function configurationBlock(parts: RuntimeParts): ConfigurationBlock {
  const { components, policies, options, logger } = parts;
  const stores = components.ofKind('configuration');
  const outbound = perComponent((name) => {
    const one = components.get('configuration', name);
    return following(policies, () => one && policies.outbound(one));
  });
  const inbound = perComponent((name) => {
    const one = components.get('configuration', name);
    return following(policies, () => one && policies.inbound(one, appOutcome));
  });
  return new ConfigurationBlock(
    stores.map(({ name, instance }) => ({ name, store: instance })),
    {
      app: options.app,
      outbound: (name) => outbound(name),
      inbound: (name) => inbound(name),
      logger,
      meter: meters(parts, 'configuration'),
    },
  );
}

function lockComponent({ name, instance, properties }: ComponentInstance<'lock'>): LockComponent {
  return { name, store: instance, properties };
}

function stateComponent({ name, instance, properties, resource }: ComponentInstance<'state'>): StateComponent {
  const secretNames = resource.metadata.flatMap((entry) =>
    entry.secretKeyRef === undefined ? [] : [[entry.name, entry.secretKeyRef.name] as const],
  );
  return { name, store: instance, properties, secretNames: Object.fromEntries(secretNames) };
}
