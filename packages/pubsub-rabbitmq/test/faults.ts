import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CreatePubSub, PubSubQuirks } from '@outrigger/conformance/pubsub';
import type { RequestMetadata } from '@outrigger/core';
import { createPubSub } from './create.ts';
import type { RabbitMqServer } from './rabbitmq-server.ts';
import { subscribingWith } from './subscribing-with.ts';

/** The faults that the conformance suite may cause, with the fields and the subscription metadata of who lives through them. */
export function faults(
  hostname: string,
  server: () => RabbitMqServer,
  properties: Readonly<Record<string, string>>,
  metadata: RequestMetadata = {},
): Pick<PubSubQuirks, 'broker' | 'network' | 'receiveAndDie'> {
  const [host = '', port = ''] = hostname.split(':');
  const create: CreatePubSub = async ({ consumerId }) =>
    subscribingWith(
      await createPubSub({ ...properties, hostname: server().address, consumerID: consumerId }),
      metadata,
    );
  return {
    broker: { create, kill: () => server().kill(), start: () => server().start() },
    network: {
      host,
      port: Number(port),
      create: async ({ consumerId, address }) =>
        subscribingWith(
          await createPubSub({ ...properties, hostname: address, consumerID: consumerId, heartBeat: '2s' }),
          metadata,
        ),
    },
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const options = ['--conditions=@outrigger/source', script, hostname, consumerId, topic, JSON.stringify(metadata)];
      const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
