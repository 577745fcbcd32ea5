import type { ComponentKind } from '@outrigger/core';

/**
 * Metadata that a building block reads from a component's resource, in lower case: a component does not know these names, yet
 * they are not mistakes.
 */
export const blockFields: Readonly<Partial<Record<ComponentKind, ReadonlySet<string>>>> = {
  state: new Set([
    'keyprefix',
    'actorstatestore',
    'primaryencryptionkey',
    'secondaryencryptionkey',
    'outboxpublishpubsub',
    'outboxpublishtopic',
    'outboxpubsub',
    'outboxdiscardwhenmissingstate',
  ]),
  pubsub: new Set(['allowedtopics', 'protectedtopics', 'publishingscopes', 'subscriptionscopes', 'consumerid']),
  bindings: new Set(['direction', 'route']),
  lock: new Set(['keyprefix']),
};
