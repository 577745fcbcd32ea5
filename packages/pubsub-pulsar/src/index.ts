import { defineComponent } from '@outrigger/core';
import { pulsarFields } from './fields.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.pulsar',
  version: 'v1',
  description: 'Messages over Apache Pulsar',
  metadata: pulsarFields,
  create: async (context) => {
    // the client libraries are loaded only where a component of this type is used
    const { createPulsar } = await import('./create-pulsar.ts');
    return createPulsar(context);
  },
});
