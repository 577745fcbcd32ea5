import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll } from 'vitest';
import { createPubSub } from './create.ts';
import { hasRedisServer, howToStartRedis, RedisServer } from './redis-server.ts';

requireBackend('OUTRIGGER_TEST_REDIS', howToStartRedis, (redisHost) => {
  const quick = { redeliverInterval: '200ms', processingTimeout: '1s', queueDepth: '20' };

  const create = (host: string, consumerID: string) => createPubSub({ redisHost: host, consumerID, ...quick });
  const [host = '', port] = redisHost.split(':');
  // others use the one that runs anyway, so it is another one that is killed
  let mortal: RedisServer | undefined;
  beforeAll(async () => {
    if (hasRedisServer) mortal = await RedisServer.start();
  });
  afterAll(() => mortal?.[Symbol.asyncDispose]());

  pubSubConformance(({ consumerId }) => create(redisHost, consumerId), {
    network: { host, port: Number(port), create: ({ consumerId, address }) => create(address, consumerId) },
    ...(hasRedisServer && {
      broker: {
        create: ({ consumerId }) => create(mortal?.host ?? '', consumerId),
        kill: async () => mortal?.kill(),
        start: async () => mortal?.start(),
      },
    }),
    overtakesFailed: true,
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
