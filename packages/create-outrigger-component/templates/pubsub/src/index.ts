import { defineComponent, field } from '@outrigger/core';

import { LocalBroker } from './local-broker.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.example',
  version: 'v1',
  description: 'A broker inside one process',
  metadata: {
    consumerID: field.text({ description: 'Group of consumers; of no use while all are in one process' }),
    maxQueuedBytes: field.byteSize({
      description: 'What may wait in one topic; more is refused',
      default: 16 * 1024 * 1024,
    }),
    redeliverInterval: field.duration({ description: 'Pause before a failed message comes again', default: 1000 }),
  },
  create: async ({ metadata }) => new LocalBroker(metadata),
});
