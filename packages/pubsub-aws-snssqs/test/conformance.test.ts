import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { createPubSub, credentials, howToStartAws, region } from './create.ts';

requireBackend('OUTRIGGER_TEST_AWS', howToStartAws, (address) => {
  const options = { endpoint: `http://${address}`, region, ...credentials, messageVisibilityTimeout: '4' };

  const create = (more: Record<string, string>) => createPubSub({ ...options, ...more });

  pubSubConformance(({ consumerId }) => create({ consumerID: consumerId }), {
    unordered: true,
    losesMetadata: true,
    twice: true, // a standard queue delivers at least once
    largestPayload: 190 * 1024, // 256 KiB with what base64 adds
    backlogBytes: 24 * 1024 * 1024, // moto looks through the whole queue for every request
    refusedEntry: () => ({ data: Buffer.alloc(300 * 1024, 'a') }),
    redeliveredWithinMs: 6000,
    arrivesWithinMs: 60_000,
    network: {
      host: address.split(':')[0] ?? '',
      port: Number(address.split(':')[1]),
      create: ({ consumerId, address: proxied }) => create({ endpoint: `http://${proxied}`, consumerID: consumerId }),
    },
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const args = ['--conditions=@outrigger/source', script, options.endpoint, consumerId, topic];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  });
});
