import { type Broker, direct, killed } from '../broker.ts';

export const pulsar: Broker = {
  name: 'pulsar',
  type: 'pubsub.pulsar',
  server: 'pulsar',
  metadata: ({ address }) => ({ host: `http://${address}`, redeliveryDelay: '200ms' }),
  lanes: {
    plain: {},
    policy: { metadata: { subscribeType: 'failover', processMode: 'sync' }, order: 'all' },
    bulk: { metadata: { subscribeType: 'key_shared' }, order: 'all' },
  },
  network: direct,
  outage: killed,
};
