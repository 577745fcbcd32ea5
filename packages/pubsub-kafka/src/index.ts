import { defineComponent } from '@outrigger/core';
import { connectionFields, messagingFields } from './kafka-fields.ts';

/** With the client library, which takes about a second of a processor to read. */
const connectingCode = () => import('./connect-kafka.ts');

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.kafka',
  version: 'v1',
  description: 'Messages over Apache Kafka and consumer groups',
  metadata: { ...connectionFields, ...messagingFields },
  load: connectingCode,
  create: async ({ metadata, appId, logger, signal }) => {
    const { connectKafka } = await connectingCode();
    return connectKafka(metadata, { appId, logger, signal });
  },
});
