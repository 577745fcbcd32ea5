import type { Bindings, ComponentKind, ComponentKinds, PubSub, SecretStore, StateStore } from '@outrigger/core';

/** Dapr's capability strings for `GET /v1.0/metadata`, in Dapr's order. Derived, so that a component cannot claim what it lacks. */
export function capabilitiesOf<K extends ComponentKind>(kind: K, instance: ComponentKinds[K]): string[] {
  const read: ((instance: ComponentKinds[K]) => Claims) | undefined = readers[kind];
  return Object.entries(read?.(instance) ?? {}).flatMap(([name, has]) => (has ? [name] : []));
}

type Claims = Readonly<Record<string, boolean>>;

const readers: { readonly [K in ComponentKind]?: (instance: ComponentKinds[K]) => Claims } = {
  state: (store: StateStore) => {
    const etag = store.features.includes('etag');
    const transactional = store.transact !== undefined;
    return {
      ETAG: etag,
      TRANSACTIONAL: transactional,
      TTL: store.features.includes('ttl'),
      QUERY_API: store.query !== undefined,
      DELETE_WITH_PREFIX: store.deleteWithPrefix !== undefined,
      KEYS_LIKE: store.keysLike !== undefined,
      ACTOR: etag && transactional,
    };
  },
  pubsub: (pubsub: PubSub) => ({
    MESSAGE_TTL: pubsub.features.includes('message-ttl'),
    SUBSCRIBE_WILDCARDS: pubsub.features.includes('subscribe-wildcards'),
    BULK_PUBSUB: pubsub.publishMany !== undefined,
    BULK_SUBSCRIBE_IMMEDIATE: pubsub.features.includes('bulk-subscribe-immediate'),
  }),
  secrets: (store: SecretStore) => ({
    MULTIPLE_KEY_VALUES_PER_SECRET: store.features.includes('multiple-key-values-per-secret'),
  }),
  bindings: (binding: Bindings) => ({
    INPUT_BINDING: binding.read !== undefined,
    OUTPUT_BINDING: binding.invoke !== undefined,
  }),
};
