import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { afterAll, vi } from 'vitest';
import { ConsumerProcess } from './child.ts';
import { createPubSub } from './create.ts';
import { TemporaryDatabase } from './temporary-database.ts';

const database = new TemporaryDatabase();
afterAll(() => database[Symbol.dispose]());

pubSubConformance(
  ({ consumerId }) =>
    createPubSub({
      connectionString: database.path,
      consumerID: consumerId,
      redeliverInterval: '100ms',
      processingTimeout: '1s',
    }),
  {
    overtakesFailed: true,
    redeliveredWithinMs: 2500,
    receiveAndDie: async ({ topic, consumerId }) => {
      await using consumer = new ConsumerProcess(database.path, consumerId, topic, 'stuck');
      await vi.waitUntil(() => consumer.handed.length > 0, { timeout: 60_000, interval: 5 });
    },
  },
);
