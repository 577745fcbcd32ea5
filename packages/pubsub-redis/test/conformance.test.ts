import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createPubSub } from './create.ts';
import { howToStartRedis } from './redis-server.ts';

requireBackend('OUTRIGGER_TEST_REDIS', howToStartRedis, (redisHost) => {
  const quick = { redeliverInterval: '200ms', processingTimeout: '1s', queueDepth: '20' };

  pubSubConformance(({ consumerId }) => createPubSub({ redisHost, consumerID: consumerId, ...quick }), {
    redeliveredWithinMs: 2500,
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const options = ['--conditions=@outrigger/source', script, redisHost, consumerId, topic];
      const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  });
});
