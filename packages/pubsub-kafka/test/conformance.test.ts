import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createPubSub, howToStartKafka } from './create.ts';

requireBackend('OUTRIGGER_TEST_KAFKA', howToStartKafka, (brokers) => {
  const quick = { sessionTimeout: '2s', heartbeatInterval: '500ms' };

  pubSubConformance(({ consumerId }) => createPubSub({ brokers, consumerID: consumerId, ...quick }), {
    redeliveredWithinMs: 5000,
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const options = ['--conditions=@outrigger/source', script, brokers, consumerId, topic];
      const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
      for await (const chunk of child.stdout) if (String(chunk).includes('handling')) break;
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  });
});
