import type { Bindings } from './bindings.ts';
import type { ConfigurationStore } from './configuration.ts';
import type { CryptoProvider } from './crypto.ts';
import type { HttpMiddleware } from './http-middleware.ts';
import type { LockStore } from './lock.ts';
import type { Logger } from './logger.ts';
import type { Fields, MetadataOf } from './metadata.ts';
import type { NameResolver } from './name-resolution.ts';
import type { PubSub } from './pubsub.ts';
import type { SecretStore } from './secrets.ts';
import type { StateStore } from './state.ts';

/** Version of these contracts; a package states it as `"outrigger": { "spi": 1 }` in its package.json. */
export const spiVersion = 1;

/** Each building block and the contract its components fulfil. */
export interface ComponentKinds {
  state: StateStore;
  pubsub: PubSub;
  secrets: SecretStore;
  bindings: Bindings;
  configuration: ConfigurationStore;
  lock: LockStore;
  crypto: CryptoProvider;
  nameresolution: NameResolver;
  middleware: HttpMiddleware;
}

export type ComponentKind = keyof ComponentKinds;

/** The first word of a component's `type` in YAML, as Dapr spells it, and the building block it belongs to. */
export const kindOfTypePrefix: ReadonlyMap<string, ComponentKind> = new Map([
  ['state', 'state'],
  ['pubsub', 'pubsub'],
  ['secretstores', 'secrets'],
  ['bindings', 'bindings'],
  ['configuration', 'configuration'],
  ['lock', 'lock'],
  ['crypto', 'crypto'],
  ['nameresolution', 'nameresolution'],
  ['middleware', 'middleware'],
]);

export interface CreateContext<F extends Fields = Fields> {
  /** The resource's `metadata.name`; `statestore` in most examples. */
  readonly name: string;
  /** Validated and typed, with defaults filled in. */
  readonly metadata: MetadataOf<F>;
  /** All properties of the resource as texts, for the rare component whose field names are not fixed. */
  readonly properties: Readonly<Record<string, string>>;
  /** The app this process serves; what `consumerID` and the like default to. */
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
  readonly logger: Logger;
  /** Aborts when `initTimeout` has passed or the process is stopping; `create` must then reject and leave nothing behind. */
  readonly signal: AbortSignal;
}

/**
 * What a component package exports for each of its types: data plus one factory.
 */
export interface ComponentDefinition<K extends ComponentKind = ComponentKind, F extends Fields = Fields> {
  readonly kind: K;
  /** As in YAML: `state.redis`. */
  readonly type: string;
  /** As in YAML: `v1`. */
  readonly version: string;
  readonly description?: string;
  readonly metadata: F;
  /** Only the component knows its fields, as one in another process: none that is named is reported as unknown. */
  readonly takesAnyMetadata?: boolean;
  /**
   * Loads code that `create` needs and that takes long to read, such as a client library. Called before each `create`; its time
   * does not count against `initTimeout`, which is for what the component connects to.
   */
  load?(): Promise<unknown>;
  /**
   * Connects, and resolves once the component can serve. Rejects when it cannot, with a ComponentError that says how to mend
   * it; nothing half-made stays behind. Never retries: whoever called decides.
   */
  create(context: CreateContext<F>): Promise<ComponentKinds[K]>;
}

const brand: unique symbol = Symbol.for('outrigger.ComponentDefinition') as never;

/**
 * Declares a component. The result is plain data with a brand; importing the package runs nothing else.
 *
 * @example
 * export default defineComponent({
 *   kind: 'secrets', type: 'secretstores.upper', version: 'v1',
 *   metadata: { prefix: field.text({ description: 'Put before every value', default: '' }) },
 *   create: async ({ metadata }) => new UpperSecrets(metadata.prefix),
 * });
 */
export function defineComponent<const K extends ComponentKind, const F extends Fields>(
  definition: ComponentDefinition<K, F>,
): ComponentDefinition<K, F> {
  return Object.freeze({ ...definition, [brand]: spiVersion });
}

/** Recognises what {@link defineComponent} made, also when it came from another copy of this package. */
export function isComponentDefinition(value: unknown): value is ComponentDefinition {
  return typeof value === 'object' && value !== null && brand in value;
}
