import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll } from 'vitest';
import { createPubSub, howToStartKafka } from './create.ts';
import { KafkaServer } from './kafka-server.ts';

requireBackend('OUTRIGGER_TEST_KAFKA', howToStartKafka, (brokers) => {
  const quick = { sessionTimeout: '2s', heartbeatInterval: '500ms', readTimeout: '5s' };
  const create = (address: string, consumerID: string) => createPubSub({ brokers: address, consumerID, ...quick });
  const [proxy, proxied] = (process.env['OUTRIGGER_TEST_KAFKA_PROXY'] ?? '').split(':').map(Number);

  const startWithinMs = 180_000;
  let mortal: KafkaServer | undefined;
  if (KafkaServer.isInstalled) {
    beforeAll(async () => {
      mortal = await KafkaServer.start();
    }, startWithinMs);
    afterAll(() => mortal?.[Symbol.asyncDispose]());
  }

  pubSubConformance(({ consumerId }) => create(brokers, consumerId), {
    largestPayload: 1_000_000,
    refusedEntry: () => ({ data: new Uint8Array(2_000_000) }),
    orderedBy: (key) => ({ partitionKey: key }),
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const options = ['--conditions=@outrigger/source', script, brokers, consumerId, topic];
      const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    ...(KafkaServer.isInstalled && {
      broker: {
        create: ({ consumerId }) => create(mortal?.address ?? '', consumerId),
        kill: async () => mortal?.kill(),
        start: async () => mortal?.start(),
      },
    }),
    ...(proxy !== undefined &&
      proxied !== undefined && {
        network: {
          host: '127.0.0.1',
          port: proxied,
          listenPort: proxy,
          create: ({ consumerId, address }) => create(address, consumerId),
        },
      }),
  });
});
