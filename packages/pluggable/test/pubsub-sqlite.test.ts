import { join } from 'node:path';

import { pubSubConformance } from '@outrigger/conformance/pubsub';
import definition from '@outrigger/pubsub-sqlite';
import { afterAll, beforeAll, describe } from 'vitest';

import { ServingProcess } from './serving-process.ts';
import { useSocket } from './use-socket.ts';

const server = new ServingProcess('@outrigger/pubsub-sqlite');
let count = 0;

beforeAll(() => server.start());
afterAll(() => server[Symbol.asyncDispose]());

describe(`${definition.type} in another process, which is killed and started again`, () => {
  pubSubConformance(
    ({ consumerId }) => {
      const properties = {
        connectionString: join(server.folder, 'messages.db'),
        consumerID: consumerId,
        redeliverInterval: '100ms',
        processingTimeout: '1s',
      };
      return useSocket(server.folder, 'pubsub', 'sqlite', properties, { instance: `messages${++count}` });
    },
    {
      overtakesFailed: true,
      redeliveredWithinMs: 5000,
      backlogBytes: 64 * 1024 * 1024,
      broker: { kill: () => server.kill(), start: () => server.start() },
    },
  );
});
