import { type Broker, direct, frozen } from '../broker.ts';

/**
 * One queue for each pub/sub and app. The server that plays AWS here keeps nothing over a restart; it keeps the order of a
 * message group only while one request at a time asks for messages.
 */
export const aws: Broker = {
  name: 'aws',
  type: 'pubsub.aws.snssqs',
  server: 'aws',
  metadata: ({ address }) => ({
    endpoint: `http://${address}`,
    region: 'us-east-1',
    accessKey: 'test',
    secretKey: 'test',
    messageVisibilityTimeout: '5',
  }),
  keyMetadata: 'messageGroupID',
  lanes: {
    plain: { metadata: { consumerID: '{appID}-plain' } },
    policy: {
      metadata: { consumerID: '{appID}-policy', fifo: 'true', concurrencyMode: 'single', messageMaxNumber: '1' },
      order: ['none', 'broker', 'kill', 'redeploy', 'network', 'app'],
    },
    bulk: { metadata: { consumerID: '{appID}-bulk' } },
  },
  network: direct,
  outage: frozen,
};
