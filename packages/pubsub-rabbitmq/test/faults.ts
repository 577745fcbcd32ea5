import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CreatePubSub, PubSubQuirks } from '@outrigger/conformance/pubsub';
import { createPubSub } from './create.ts';
import type { RabbitMqServer } from './rabbitmq-server.ts';

/** The faults that the conformance suite may cause, with `properties` for the instances that live through them. */
export function faults(
  hostname: string,
  server: () => RabbitMqServer,
  properties: Readonly<Record<string, string>>,
): Pick<PubSubQuirks, 'broker' | 'network' | 'receiveAndDie'> {
  const [host = '', port = ''] = hostname.split(':');
  const create: CreatePubSub = ({ consumerId }) =>
    createPubSub({ ...properties, hostname: server().address, consumerID: consumerId });
  return {
    broker: { create, kill: () => server().kill(), start: () => server().start() },
    network: {
      host,
      port: Number(port),
      create: ({ consumerId, address }) =>
        createPubSub({ ...properties, hostname: address, consumerID: consumerId, heartBeat: '2s' }),
    },
    receiveAndDie: async ({ topic, consumerId }) => {
      const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
      const options = ['--conditions=@outrigger/source', script, hostname, consumerId, topic];
      const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
