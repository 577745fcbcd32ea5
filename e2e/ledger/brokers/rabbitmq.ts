import { type Broker, direct, killed } from '../broker.ts';

export const rabbitmq: Broker = {
  name: 'rabbitmq',
  type: 'pubsub.rabbitmq',
  server: 'rabbitmq',
  metadata: ({ address }) => ({
    connectionString: `amqp://guest:guest@${address}`,
    redeliverInterval: '200ms',
    heartBeat: '2s',
    reconnectWaitSeconds: '1s',
  }),
  lanes: {
    plain: {},
    policy: {
      metadata: { concurrency: 'single' },
      // a classic queue with a single active consumer crashes in RabbitMQ 3.10 when consumers come and go
      subscribe: { queueType: 'quorum', singleActiveConsumer: 'true' },
      order: 'all',
    },
    bulk: {},
  },
  network: direct,
  outage: killed,
};
