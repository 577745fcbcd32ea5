import { defineComponent } from '@outrigger/core';
import { fields } from './fields.ts';
import { SqliteStateStore } from './sqlite-state-store.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.sqlite',
  version: 'v1',
  description: 'Keeps state in a SQLite file, with no server',
  metadata: fields,
  create: ({ metadata, logger, signal }) => SqliteStateStore.open(metadata, logger, signal),
});
