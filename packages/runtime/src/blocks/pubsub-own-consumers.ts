import type { ComponentInstance, ComponentRegistry } from '../components/component-instance.ts';
import type { ComponentResource } from '../resources/component-resource.ts';
import type { Broker } from './pubsub-broker.ts';
import { type BrokerContext, compileBroker } from './pubsub-brokers.ts';

export interface OwnConsumersOptions {
  readonly components: ComponentRegistry;
  readonly context: BrokerContext;
  /** Makes a component that nobody else uses. */
  readonly startComponent: (resource: ComponentResource, signal: AbortSignal) => Promise<ComponentInstance>;
}

/** A pub/sub component as another consumer has it, until disposal. */
export interface OwnConsumer extends AsyncDisposable {
  readonly broker: Broker;
}

/** Metadata that says to which consumer a message goes; the first is every component's, the other one goes before it. */
const consumerFields = ['consumerid', 'consumergroup'];

/** The metadata of a streaming subscription in two parts: the consumer id it asks for, and the rest. */
export function consumerOf(metadata: Readonly<Record<string, string>>) {
  const entries = Object.entries(metadata);
  const consumerId = entries.find(([name]) => name.toLowerCase() === 'consumerid')?.[1];
  const rest = Object.fromEntries(entries.filter(([name]) => name.toLowerCase() !== 'consumerid'));
  return { consumerId: consumerId === '' ? undefined : consumerId, rest };
}

/**
 * Lets somebody read a topic beside the app and take nothing from it: messages are shared among those with one consumer id, and
 * this makes the component a second time, with another.
 */
export class OwnConsumers {
  readonly #options: OwnConsumersOptions;

  constructor(options: OwnConsumersOptions) {
    this.#options = options;
  }

  /**
   * `undefined` where the component knows no consumer ids: each of its subscriptions has all messages anyway. What is delivered this way
   * is neither counted nor traced as the app's. Rejects when the component does not start.
   */
  async open(pubsubName: string, consumerId: string, signal: AbortSignal): Promise<OwnConsumer | undefined> {
    const { components, context, startComponent } = this.#options;
    const running = components.get('pubsub', pubsubName);
    if (running === undefined) return undefined;
    const { definition, resource } = running;
    const knows = Object.keys(definition.metadata).some((name) => name.toLowerCase() === 'consumerid');
    if (!knows && !definition.takesAnyMetadata) return undefined;
    const { file, line } = resource;
    const others = resource.metadata.filter(({ name }) => !consumerFields.includes(name.toLowerCase()));
    const metadata = [...others, { name: 'consumerID', value: consumerId, file, line }];
    const made = await startComponent({ ...resource, metadata }, signal);
    const { appId, namespace, policies } = context;
    return {
      broker: compileBroker(made as ComponentInstance<'pubsub'>, { appId, namespace, policies }),
      [Symbol.asyncDispose]: () => made.instance[Symbol.asyncDispose](),
    };
  }
}
