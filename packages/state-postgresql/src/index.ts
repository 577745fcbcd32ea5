import { defineComponent } from '@outrigger/core';
import { fields } from './fields.ts';
import { PostgresqlStateStore } from './postgresql-state-store.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.postgresql',
  version: 'v2',
  description: 'Keeps state in PostgreSQL',
  metadata: fields,
  load: () => import('pg'),
  create: ({ metadata, logger, signal }) => PostgresqlStateStore.open(metadata, logger, signal),
});
