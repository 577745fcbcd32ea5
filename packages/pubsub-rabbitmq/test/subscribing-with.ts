import type { PubSub, RequestMetadata } from '@outrigger/core';

/** The same component, with `metadata` in every subscription. */
export function subscribingWith(pubSub: PubSub, metadata: RequestMetadata): PubSub {
  return {
    features: pubSub.features,
    publish: (request, signal) => pubSub.publish(request, signal),
    subscribe: (request, handler, signal) =>
      pubSub.subscribe({ ...request, metadata: { ...request.metadata, ...metadata } }, handler, signal),
    [Symbol.asyncDispose]: () => pubSub[Symbol.asyncDispose](),
  };
}
