import { requireBackend } from '@outrigger/conformance';
import { pubSubConformance } from '@outrigger/conformance/pubsub';
import { createPubSub } from './create.ts';
import { howToStartPulsar } from './pulsar-server.ts';

requireBackend('OUTRIGGER_TEST_PULSAR', howToStartPulsar, (host) => {
  pubSubConformance(({ consumerId }) => createPubSub({ host, consumerID: consumerId, redeliveryDelay: '200ms' }), {
    redeliveredWithinMs: 3000,
  });
});
