import { defineComponent } from '@outrigger/core';
import { InMemoryStateStore } from './in-memory-state-store.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.in-memory',
  version: 'v1',
  description: 'Keeps state in memory, for development and tests',
  metadata: {},
  create: async () => new InMemoryStateStore(),
});
