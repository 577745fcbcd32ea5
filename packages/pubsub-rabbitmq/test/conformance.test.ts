import { requireBackend } from '@outrigger/conformance';
import { type CreatePubSub, pubSubConformance } from '@outrigger/conformance/pubsub';
import type { PubSub, RequestMetadata } from '@outrigger/core';
import { afterAll, beforeAll, describe } from 'vitest';
import { createPubSub } from './create.ts';
import { faults } from './faults.ts';
import { howToStartRabbitMq, RabbitMqServer } from './rabbitmq-server.ts';

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

  describe('one at a time', () => {
    const single = { ...quick, concurrency: 'single' };
    pubSubConformance(({ consumerId }) => createPubSub({ ...single, hostname, consumerID: consumerId }), {
      ...faults(hostname, () => server, single),
    });
  });

  describe('with quorum queues', () => {
    const create: CreatePubSub = async ({ consumerId }) =>
      subscribingWith(await createPubSub({ ...quick, hostname, consumerID: consumerId }), { queueType: 'quorum' });
    pubSubConformance(create, {
      overtakesFailed: true,
      // the header is there from the second delivery on
      deliveryCountOf: ({ metadata }) => 1 + Number(metadata['x-delivery-count'] ?? 0),
    });
  });
});

function subscribingWith(pubSub: PubSub, metadata: RequestMetadata): PubSub {
  return {
    features: pubSub.features,
    publish: (request, signal) => pubSub.publish(request, signal),
    subscribe: (request, handler, signal) =>
      pubSub.subscribe({ ...request, metadata: { ...request.metadata, ...metadata } }, handler, signal),
    [Symbol.asyncDispose]: () => pubSub[Symbol.asyncDispose](),
  };
}
