import { defineComponent } from '@outrigger/core';
import { fields } from './fields.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.mongodb',
  version: 'v1',
  description: 'Keeps state in a MongoDB collection',
  metadata: fields,
  load: () => import('./mongo-state-store.ts'),
  create: async ({ metadata, logger, signal }) => {
    const { MongoStateStore } = await import('./mongo-state-store.ts');
    return MongoStateStore.open(metadata, logger, signal);
  },
});
