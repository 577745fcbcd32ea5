import { defineComponent, field } from '@outrigger/core';

import { LogFileStore } from './log-file-store.ts';

export default defineComponent({
  kind: 'state',
  type: 'state.example',
  version: 'v1',
  description: 'State in memory and in one file, for a single process',
  metadata: {
    path: field.text({ description: 'The file; made when it is not there', required: true, example: './state.log' }),
  },
  create: async ({ metadata }) => new LogFileStore(metadata.path),
});
