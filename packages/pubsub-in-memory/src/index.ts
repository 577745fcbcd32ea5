import { defineComponent, field } from '@outrigger/core';
import { InMemoryPubSub } from './in-memory-pubsub.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.in-memory',
  version: 'v1',
  description: 'Messages within one process, for tests and first steps',
  metadata: {
    maxQueuedBytes: field.byteSize({
      description:
        'How much may wait for one slow subscriber, each message counted with 256 bytes on top; publishing beyond it is refused for the time being',
      default: 268_435_456,
      example: '64Mi',
    }),
  },
  create: async ({ metadata, logger }) => new InMemoryPubSub(metadata.maxQueuedBytes, logger),
});
