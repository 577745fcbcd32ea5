import { requireBackend } from '@outrigger/conformance';
import { type CreatePubSub, pubSubConformance } from '@outrigger/conformance/pubsub';
import { afterAll, beforeAll, describe } from 'vitest';
import { createPubSub } from './create.ts';
import { faults } from './faults.ts';
import { howToStartRabbitMq, RabbitMqServer } from './rabbitmq-server.ts';
import { subscribingWith } from './subscribing-with.ts';

requireBackend('OUTRIGGER_TEST_RABBITMQ', howToStartRabbitMq, (hostname) => {
  let server: RabbitMqServer;
  beforeAll(async () => {
    server = await RabbitMqServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const quick = { redeliverInterval: '200ms', reconnectWaitSeconds: '1s' };

  describe('in parallel', () => {
    pubSubConformance(({ consumerId }) => createPubSub({ ...quick, hostname, consumerID: consumerId }), {
      overtakesFailed: true,
      ...faults(hostname, () => server, quick),
    });
  });

  // over several instances there is order only where one at a time is active
  describe('one at a time', () => {
    const single = { ...quick, concurrency: 'single' };
    const active = { singleActiveConsumer: 'true' };
    pubSubConformance(
      async ({ consumerId }) =>
        subscribingWith(await createPubSub({ ...single, hostname, consumerID: consumerId }), active),
      faults(hostname, () => server, single, active),
    );
  });

  describe('with quorum queues', () => {
    const create: CreatePubSub = async ({ consumerId }) =>
      subscribingWith(await createPubSub({ ...quick, hostname, consumerID: consumerId }), { queueType: 'quorum' });
    // such a queue counts what is on its way when its consumer leaves, so its deliveryCountOf could not be constant
    pubSubConformance(create, { overtakesFailed: true });
  });
});
