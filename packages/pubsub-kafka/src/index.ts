import { defineComponent } from '@outrigger/core';
import { connectionFields, messagingFields } from './kafka-fields.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.kafka',
  version: 'v1',
  description: 'Messages over Apache Kafka and consumer groups',
  metadata: { ...connectionFields, ...messagingFields },
  create: async ({ metadata, appId, logger, signal }) => {
    // the client library takes a while to load
    const { connectKafka } = await import('./connect-kafka.ts');
    return connectKafka(metadata, { appId, logger, signal });
  },
});
