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

/** Where a component knows these fields: nothing is kept for a consumer before it comes, nor after it has gone. */
const temporaryFields: Readonly<Record<string, string>> = {
  deletedWhenUnused: 'true',
  initialPosition: 'latest',
  subscribeMode: 'non_durable',
};

/** A consumer that a streaming subscription asks for. */
export interface WantedConsumer {
  readonly id: string;
  /** It is gone with the subscription, as far as the component can do that. */
  readonly isTemporary: boolean;
}

/** The metadata of a streaming subscription in two parts: what `consumerID` and `temporaryConsumer` ask for, and the rest. */
export function consumerOf(metadata: Readonly<Record<string, string>>): {
  readonly consumer: WantedConsumer | undefined;
  readonly rest: Readonly<Record<string, string>>;
} {
  const rest = { ...metadata };
  const take = (wanted: string): string => {
    const name = Object.keys(rest).find((one) => one.toLowerCase() === wanted);
    if (name === undefined) return '';
    const value = rest[name] ?? '';
    delete rest[name];
    return value;
  };
  const id = take('consumerid');
  const isTemporary = take('temporaryconsumer').toLowerCase() === 'true';
  return { consumer: id === '' ? undefined : { id, isTemporary }, rest };
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
  async open(pubsubName: string, wanted: WantedConsumer, signal: AbortSignal): Promise<OwnConsumer | undefined> {
    const { components, context, startComponent } = this.#options;
    const running = components.get('pubsub', pubsubName);
    if (running === undefined) return undefined;
    const { definition, resource } = running;
    const fields = new Set(Object.keys(definition.metadata).map((name) => name.toLowerCase()));
    if (!fields.has('consumerid') && !definition.takesAnyMetadata) return undefined;
    const { file, line } = resource;
    const temporary = Object.entries(wanted.isTemporary ? temporaryFields : {});
    const set = [['consumerID', wanted.id], ...temporary.filter(([name]) => fields.has(name.toLowerCase()))] as const;
    const replaced = new Set([...consumerFields, ...set.map(([name = '']) => name.toLowerCase())]);
    const metadata = [
      ...resource.metadata.filter(({ name }) => !replaced.has(name.toLowerCase())),
      ...set.map(([name = '', value = '']) => ({ name, value, file, line })),
    ];
    const made = await startComponent({ ...resource, metadata }, signal);
    const { appId, namespace, policies } = context;
    return {
      broker: compileBroker(made as ComponentInstance<'pubsub'>, { appId, namespace, policies }),
      [Symbol.asyncDispose]: () => made.instance[Symbol.asyncDispose](),
    };
  }
}
