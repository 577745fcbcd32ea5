import { type Broker, direct, frozen } from '../broker.ts';

/** One queue for each pub/sub and app. The server that plays AWS here keeps nothing over a restart. */
export const aws: Broker = {
  name: 'aws',
  type: 'pubsub.aws.snssqs',
  server: 'aws',
  metadata: ({ address }) => ({
    endpoint: `http://${address}`,
    region: 'us-east-1',
    accessKey: 'test',
    secretKey: 'test',
    messageVisibilityTimeout: '3',
  }),
  keyMetadata: 'messageGroupID',
  lanes: {
    plain: { metadata: { consumerID: '{appID}-plain' } },
    policy: { metadata: { consumerID: '{appID}-policy', fifo: 'true' }, order: 'all' },
    bulk: { metadata: { consumerID: '{appID}-bulk' } },
  },
  network: direct,
  outage: frozen,
};
