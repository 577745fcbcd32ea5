import type { ComponentKind } from '@outrigger/core';
import {
  InputBindingDefinition,
  OutputBindingDefinition,
  PubSubDefinition,
  QueriableStateStoreDefinition,
  SecretStoreDefinition,
  StateStoreDefinition,
  TransactionalStateStoreDefinition,
  TransactionalStoreMultiMaxSizeDefinition,
} from '@outrigger/protocol/components';

/** Names the component of a resource in each call: one process may hold several of one type. */
export const instanceHeader = 'x-component-instance';

/**
 * In the answer to a subscription: the component hands over no more messages than may be handled at a time, so that whoever takes
 * them need not wait with one for the one before. Said by components that this package serves; Dapr takes no notice of it.
 */
export const pacedHeader = 'x-outrigger-paced';

/** With a subscription: how many messages have to be handed over at a time, at least, if there are. */
export const minConcurrencyHeader = 'x-outrigger-min-concurrency';

/** The blocks that the protocol knows, and the services of which a component of each has at least one. */
export const servicesOfKind = {
  state: [StateStoreDefinition.fullName],
  pubsub: [PubSubDefinition.fullName],
  bindings: [InputBindingDefinition.fullName, OutputBindingDefinition.fullName],
  secrets: [SecretStoreDefinition.fullName],
} as const satisfies Partial<Record<ComponentKind, readonly string[]>>;

export type PluggableKind = keyof typeof servicesOfKind;

export function isPluggableKind(kind: ComponentKind): kind is PluggableKind {
  return Object.hasOwn(servicesOfKind, kind);
}

/** What a state store may have besides {@link servicesOfKind}. */
export const transactional = TransactionalStateStoreDefinition;
export const transactionSize = TransactionalStoreMultiMaxSizeDefinition;
export const queriable = QueriableStateStoreDefinition;
