import { defineComponent, field } from '@outrigger/core';

import { openFolder } from './folder-secrets.ts';

export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.example',
  version: 'v1',
  description: 'Secrets in a folder, a file each, as containers have them mounted',
  metadata: {
    folder: field.text({ description: 'The folder', required: true, example: '/run/secrets' }),
  },
  create: ({ metadata }) => openFolder(metadata.folder),
});
