import { defineComponent, field } from '@outrigger/core';

import { openMailbox } from './mailbox.ts';

export default defineComponent({
  kind: 'bindings',
  type: 'bindings.example',
  version: 'v1',
  description:
    'Files of a folder: the app writes, reads and deletes them, and gets those that others put into its inbox',
  metadata: {
    folder: field.text({
      description: 'The folder; it is made when it is not there',
      required: true,
      example: './mail',
    }),
    pollInterval: field.duration({ description: 'How often `inbox` is looked into', default: 1000, min: 10 }),
  },
  create: ({ metadata }) => openMailbox(metadata),
});
