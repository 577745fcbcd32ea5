import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance, type PubSubQuirks } from '@outrigger/conformance/pubsub';
import { afterAll, beforeAll, describe } from 'vitest';
import { createPubSub } from './create.ts';
import { howToStartPulsar, patienceMs, PulsarServer, pulsarProgram } from './pulsar-server.ts';

const quick = { redeliveryDelay: '200ms' };

/** What each type of subscription promises of order. */
const types: Readonly<Record<string, PubSubQuirks>> = {
  shared: { overtakesFailed: true },
  failover: {},
  key_shared: { orderedBy: (partitionKey) => ({ partitionKey }) },
};

/** Faults take a while, a restart of the broker most of all: that is for the type that promises most, order over all instances. */
const withCuts = new Set(['shared', 'failover']);
const withKills = new Set(['failover']);

requireBackend('OUTRIGGER_TEST_PULSAR', howToStartPulsar, (host) => {
  let broker: PulsarServer | undefined;
  if (pulsarProgram) {
    beforeAll(async () => {
      broker = await PulsarServer.start();
    }, patienceMs);
    afterAll(() => broker?.[Symbol.asyncDispose]());
  }

  describe.each(Object.entries(types))('with subscriptions of the type %s', (subscribeType, quirks) => {
    const create = (address: string, consumerID: string) =>
      createPubSub({ host: address, consumerID, subscribeType, transport: 'websocket', ...quick });
    const [name = '', port] = host.split(':');
    pubSubConformance(({ consumerId }) => create(host, consumerId), {
      redeliveredWithinMs: 5000,
      recoversWithinMs: 60_000,
      // in base64 it must fit into the 1 MiB that the server takes unless it is told otherwise
      largestPayload: 700 * 1024,
      ...quirks,
      receiveAndDie: async ({ topic, consumerId }) => {
        const script = new URL('doomed-consumer.ts', import.meta.url).pathname;
        const options = ['--conditions=@outrigger/source', script, host, consumerId, topic, subscribeType];
        const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
        await once(child.stdout, 'data');
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
      ...(withCuts.has(subscribeType) && {
        network: {
          host: name,
          port: Number(port),
          create: ({ consumerId, address }) => create(address, consumerId),
          cutForMs: 3000,
        },
      }),
      ...(pulsarProgram &&
        withKills.has(subscribeType) && {
          broker: {
            create: ({ consumerId }) =>
              createPubSub({
                host: broker?.host ?? '',
                token: broker?.token ?? '',
                consumerID: consumerId,
                subscribeType,
                transport: 'websocket',
                ...quick,
              }),
            kill: async () => broker?.kill(),
            start: async () => broker?.start(),
          },
        }),
    });
  });
});
