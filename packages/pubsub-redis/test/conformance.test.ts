import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createPubSub } from './create.ts';

const redisHost = process.env['OUTRIGGER_TEST_REDIS'] ?? '';

pubSubConformance(
  ({ consumerId }) =>
    createPubSub({ redisHost, consumerID: consumerId, redeliverInterval: '200ms', processingTimeout: '1s', queueDepth: '20' }),
  {
    redeliveredWithinMs: 2000,
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const child = spawn(process.execPath, ['--conditions=@outrigger/source', script, redisHost, consumerId, topic], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  },
);
