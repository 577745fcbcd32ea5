import { type Broker, killed } from '../broker.ts';

/** Topics have four partitions, so that two replicas share them. */
export const kafka: Broker = {
  name: 'kafka',
  type: 'pubsub.kafka',
  server: 'kafka',
  serverSettings: { KAFKA_PARTITIONS: '4' },
  metadata: ({ address }) => ({
    brokers: address,
    authType: 'none',
    consumeRetryInterval: '200ms',
    sessionTimeout: '6s',
    heartbeatInterval: '1s',
  }),
  lanes: {
    plain: { order: 'all' },
    policy: { order: 'all' },
    bulk: { order: 'all' },
  },
  // its clients go where it says that it can be reached: it has a listener that names a proxy on a port set aside
  network: ({ variables }) => {
    const [listenPort, port] = (variables['OUTRIGGER_TEST_KAFKA_PROXY'] ?? '').split(':').map(Number);
    return { host: '127.0.0.1', port: port ?? 0, listenPort: listenPort ?? 0 };
  },
  outage: killed,
};
