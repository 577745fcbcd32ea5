import {
  ComponentError,
  type Concurrency,
  type Consistency,
  type Policy,
  type RequestMetadata,
  type StateItem,
  type StateQueryResult,
  type StateStore,
} from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { Outbox } from './outbox.ts';
import type { CallerTrace } from './outbox-events.ts';
import { type EncryptionKey, StateEncryption } from './state-encryption.ts';
import { stateStoreNotConfigured, stateStoreNotFound } from './state-errors.ts';
import { StoreHandle } from './state-handle.ts';
import { keyPrefix } from './state-key.ts';

export interface StateReadOptions {
  readonly consistency?: Consistency;
  readonly metadata?: RequestMetadata;
}

export interface StateDeleteOptions extends StateReadOptions {
  readonly etag?: string;
  readonly concurrency?: Concurrency;
}

export interface SaveItem {
  readonly key: string;
  readonly value: Uint8Array;
  /** `undefined` and the empty text mean: none. */
  readonly etag?: string;
  readonly concurrency?: Concurrency;
  readonly consistency?: Consistency;
  readonly contentType?: string;
  readonly metadata?: RequestMetadata;
  /** The value came as a part of a JSON document; an outbox looks at it to tell a text from JSON where no content type does. */
  readonly isJson?: boolean;
}

export interface BulkStateItem {
  /** Without the prefix. */
  readonly key: string;
  readonly item?: StateItem;
  readonly error?: string;
}

export type TransactionOperation =
  | { readonly operation: 'upsert'; readonly request: SaveItem }
  | { readonly operation: 'delete'; readonly request: { readonly key: string } & StateDeleteOptions };

/**
 * One state store as the app sees it: keys get and lose their prefix here, TTL is read from metadata, the outbound policy
 * applies, failures become ApiErrors. Every signal is optional.
 */
export interface StateHandle {
  get(key: string, options?: StateReadOptions, signal?: AbortSignal): Promise<StateItem | undefined>;
  /** `SaveState`: one item is a single write, several are a bulk write. */
  save(items: readonly SaveItem[], signal?: AbortSignal): Promise<void>;
  delete(key: string, options?: StateDeleteOptions, signal?: AbortSignal): Promise<void>;
  /**
   * Each item carries its own error, also when the store fails as a whole; throws for an illegal key or option, and when the signal
   * aborts. `parallelism` <= 0: all at once. A retry asks only for the items that failed.
   */
  getBulk(
    keys: readonly string[],
    options?: StateReadOptions & { readonly parallelism?: number },
    signal?: AbortSignal,
  ): Promise<BulkStateItem[]>;
  deleteBulk(items: readonly ({ readonly key: string } & StateDeleteOptions)[], signal?: AbortSignal): Promise<void>;
  /** Where the component has an outbox, also publishes what is upserted; `trace` is carried on to those events. */
  transact(
    operations: readonly TransactionOperation[],
    metadata?: RequestMetadata,
    signal?: AbortSignal,
    trace?: CallerTrace,
  ): Promise<void>;
  query(query: unknown, metadata?: RequestMetadata, signal?: AbortSignal): Promise<StateQueryResult>;
  /** Keys of this app that begin with a text, in no promised order. 500 `ERR_STATE_STORE_NOT_SUPPORTED` where the store lists none. */
  keys(request?: StateKeysRequest, signal?: AbortSignal): Promise<StateKeys>;
}

export interface StateKeysRequest {
  /** Default: all keys. */
  readonly prefix?: string;
  /** The most of one page, 1 to 1000. Default 100. */
  readonly limit?: number;
  /** Of the page before. */
  readonly token?: string;
}

export interface StateKeys {
  readonly keys: readonly string[];
  /** Absent: there are no more. */
  readonly token?: string;
}

/** A state component that is up, and what of its resource concerns the building block. */
export interface StateComponent {
  readonly name: string;
  readonly store: StateStore;
  /** The resource's metadata as texts, names as in the YAML: `keyPrefix`, `primaryEncryptionKey`, `secondaryEncryptionKey`. */
  readonly properties: Readonly<Record<string, string>>;
  /** Name of the secret (`secretKeyRef.name`) behind a property, by the property's name. */
  readonly secretNames?: Readonly<Record<string, string>>;
  /** Present: transactions publish. */
  readonly outbox?: Outbox | undefined;
}

export interface StateBlockOptions {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
  /** The outbound policy of a component; `undefined`: calls go straight through. Asked with each call. */
  readonly policy?: (component: string) => Policy | undefined;
  /** Counts the calls of a component. Absent, or `undefined`: nobody does. */
  readonly meter?: (component: string) => ComponentMeter | undefined;
  /** Takes secrets out of the errors of single items. Default: they are told as they are. */
  readonly hideSecrets?: (text: string) => string;
}

/** The state building block: every loaded store by its name. */
export class StateBlock {
  readonly #appId: string;
  readonly #handles: ReadonlyMap<string, StateHandle>;

  /** Throws a ComponentError for a key prefix or an encryption key that cannot be used. */
  constructor(components: readonly StateComponent[], options: StateBlockOptions) {
    this.#appId = options.appId;
    this.#handles = new Map(components.map((component) => [component.name, handleOf(component, options)]));
  }

  /** Throws 500 `ERR_STATE_STORE_NOT_CONFIGURED` when there is no store at all, 400 `ERR_STATE_STORE_NOT_FOUND` for another name. */
  store(name: string): StateHandle {
    const handle = this.#handles.get(name);
    if (handle !== undefined) return handle;
    throw this.#handles.size === 0 ? stateStoreNotConfigured(name, this.#appId) : stateStoreNotFound(name, this.#appId);
  }
}

function handleOf(component: StateComponent, options: StateBlockOptions): StateHandle {
  const { name, store } = component;
  return new StoreHandle({
    name,
    store,
    prefix: keyPrefix(property(component.properties, 'keyPrefix'), { ...options, name }),
    policy: () => options.policy?.(name),
    encryption: encryptionOf(component),
    outbox: component.outbox,
    hideSecrets: options.hideSecrets,
    meter: options.meter?.(name),
  });
}

function encryptionOf(component: StateComponent): StateEncryption | undefined {
  const primary = encryptionKey(component, 'primaryEncryptionKey');
  const secondary = encryptionKey(component, 'secondaryEncryptionKey');
  if (primary !== undefined) return new StateEncryption(component.name, primary, secondary);
  if (secondary === undefined) return undefined;
  throw new ComponentError(
    'invalid-argument',
    `component "${component.name}": secondaryEncryptionKey decrypts what an older key wrote; set primaryEncryptionKey, too`,
  );
}

function encryptionKey({ properties, secretNames = {} }: StateComponent, field: string): EncryptionKey | undefined {
  const hex = property(properties, field);
  return hex === undefined ? undefined : { hex, name: property(secretNames, field) ?? '' };
}

function property(properties: Readonly<Record<string, string>>, field: string): string | undefined {
  const name = Object.keys(properties).find((candidate) => candidate.toLowerCase() === field.toLowerCase());
  return name === undefined ? undefined : properties[name];
}
