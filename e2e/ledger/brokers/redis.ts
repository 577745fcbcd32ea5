import { type Broker, direct, killed } from '../broker.ts';

export const redis: Broker = {
  name: 'redis',
  type: 'pubsub.redis',
  server: 'redis',
  metadata: ({ address }) => ({ redisHost: address, redeliverInterval: '200ms', processingTimeout: '3s' }),
  lanes: {
    plain: {},
    policy: { metadata: { concurrency: '1' }, order: ['none', 'app'] },
    bulk: {},
  },
  network: direct,
  outage: killed,
};
