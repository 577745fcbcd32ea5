import {
  type ComponentDefinition,
  type ComponentKinds,
  ComponentError,
  type Logger,
  parseMetadata,
  type Subscription,
} from '@outrigger/core';
import { type CallContext, GrpcError } from '@outrigger/grpc';
import { blockFields } from '@outrigger/runtime';

import { instanceHeader, type PluggableKind } from '../services.ts';
import { failureStatus, fieldViolations } from './failure-status.ts';

export interface InstancesOptions<K extends PluggableKind> {
  readonly kind: K;
  readonly definition: ComponentDefinition;
  /** For components that ask for it; `consumerID` among the properties counts first. */
  readonly appId: string;
  readonly namespace: string;
  readonly logger: Logger;
}

/** One component of a sidecar, made from the properties it was told. */
interface Instance<K extends PluggableKind> {
  readonly properties: string;
  readonly component: ComponentKinds[K];
}

/** The components of one definition, by the name that the sidecar gives them. */
export class Instances<K extends PluggableKind> implements AsyncDisposable {
  readonly #options: InstancesOptions<K>;
  readonly #byName = new Map<string, Promise<Instance<K>>>();
  readonly #subscriptions = new Map<ComponentKinds[K], Set<Subscription>>();
  #isClosed = false;

  constructor(options: InstancesOptions<K>) {
    this.#options = options;
  }

  get kind(): K {
    return this.#options.kind;
  }

  get logger(): Logger {
    return this.#options.logger;
  }

  /**
   * Makes the component that a call is about. One that was made from the same properties stays: a sidecar that is started again, or a
   * second one, meets it as it is. From others a new one is made, which takes its place.
   */
  async init(properties: Readonly<Record<string, string>>, context: CallContext): Promise<void> {
    const name = nameIn(context);
    const text = JSON.stringify(Object.entries(properties).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const present = this.#byName.get(name);
    const old = await present?.catch(() => undefined);
    if (old?.properties === text) return;
    if (this.#isClosed) throw new GrpcError('UNAVAILABLE', 'the process is shutting down');
    if (this.#byName.get(name) !== present) return this.init(properties, context);
    const made = this.#create(name, properties, context).then((component) => ({ properties: text, component }));
    this.#byName.set(name, made);
    try {
      await made;
    } catch (error) {
      if (present === undefined || old === undefined) this.#byName.delete(name);
      else this.#byName.set(name, present);
      throw failureStatus(error, this.logger);
    }
    if (old !== undefined) await old.component[Symbol.asyncDispose]();
  }

  /** The component that a call is about. Rejects with a GrpcError when it has not been made. */
  async of(context: CallContext): Promise<ComponentKinds[K]> {
    const name = nameIn(context);
    const instance = this.#byName.get(name);
    if (instance === undefined) {
      const { type } = this.#options.definition;
      throw new GrpcError('UNAVAILABLE', `the ${type} component "${name}" is not there: Init has to come first`);
    }
    try {
      return (await instance).component;
    } catch (error) {
      throw failureStatus(error, this.logger);
    }
  }

  /** Those that run over a component now. */
  subscriptionsOf(component: ComponentKinds[K]): Set<Subscription> {
    const known = this.#subscriptions.get(component);
    if (known !== undefined) return known;
    const subscriptions = new Set<Subscription>();
    this.#subscriptions.set(component, subscriptions);
    return subscriptions;
  }

  /** Ends all subscriptions, which wait for what they have handed over. */
  async endSubscriptions(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#subscriptions.values()].flatMap((subscriptions) => [...subscriptions]);
    await Promise.allSettled(all.map((subscription) => subscription[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const instances = await Promise.allSettled(this.#byName.values());
    this.#byName.clear();
    for (const result of instances) {
      if (result.status !== 'fulfilled') continue;
      try {
        await result.value.component[Symbol.asyncDispose]();
      } catch (error) {
        this.logger.warn(`a component of type ${this.#options.definition.type} did not close cleanly`, { error });
      }
    }
  }

  async #create(
    name: string,
    properties: Readonly<Record<string, string>>,
    { signal }: CallContext,
  ): Promise<ComponentKinds[K]> {
    const { kind, definition, appId, namespace, logger } = this.#options;
    const { values, problems, unknown } = parseMetadata(definition.metadata, properties, blockFields[kind]);
    const { type } = definition;
    if (problems.length > 0) {
      const text = problems.map(({ field, message }) => `metadata field ${field} ${message}`).join('; ');
      const violations = problems.map(({ field, message }) => ({ field, description: message }));
      throw fieldViolations('INVALID_ARGUMENT', `${name} (${type}): ${text}`, violations);
    }
    for (const { field, suggestion } of definition.takesAnyMetadata ? [] : unknown) {
      const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
      logger.warn(`${name} (${type}): metadata field ${field} is unknown and is ignored${hint}`);
    }
    const consumer = Object.entries(properties).find(([field]) => field.toLowerCase() === 'consumerid')?.[1];
    await definition.load?.();
    const component = await definition.create({
      name,
      metadata: values,
      properties,
      appId: consumer || appId || name,
      namespace,
      logger,
      signal,
    });
    logger.info(`Component loaded: ${name} (${type}/${definition.version})`);
    // The definition is one of this kind.
    return component as ComponentKinds[K];
  }
}

/** A client that names no instance has one, without a name. */
function nameIn(context: CallContext): string {
  return context.metadata(instanceHeader) ?? '';
}

/** What a component cannot do, as its callers are told. */
export function unsupported(what: string): ComponentError {
  return new ComponentError('unsupported', `this component does not support ${what}`);
}
