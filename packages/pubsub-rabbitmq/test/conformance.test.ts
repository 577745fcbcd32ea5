import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { createPubSub } from './create.ts';
import { howToStartRabbitMq } from './rabbitmq-server.ts';

requireBackend('OUTRIGGER_TEST_RABBITMQ', howToStartRabbitMq, (hostname) => {
  const quick = { hostname, redeliverInterval: '200ms' };

  pubSubConformance(({ consumerId }) => createPubSub({ ...quick, consumerID: consumerId }), { overtakesFailed: true });
});
