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
    // RabbitMQ 3.10 keeps no order over several consumers: a classic queue with a single active one crashes when they come and
    // go, a quorum queue puts what is given back at its end
    policy: {
      metadata: { concurrency: 'single' },
      order: ['none', 'broker', 'kill', 'redeploy', 'network', 'app'],
    },
    bulk: {},
  },
  network: direct,
  outage: killed,
};
