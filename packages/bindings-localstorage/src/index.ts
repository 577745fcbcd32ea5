import { defineComponent, field } from '@outrigger/core';
import { LocalStorageBinding } from './local-storage-binding.ts';
import { openRoot } from './root-folder.ts';

export default defineComponent({
  kind: 'bindings',
  type: 'bindings.localstorage',
  version: 'v1',
  description: 'Keeps files in a folder',
  metadata: {
    rootPath: field.text({
      description: 'The folder; made when it is not there. A relative path starts at the directory the process runs in',
      required: true,
      example: './files',
    }),
  },
  create: async ({ metadata }) => new LocalStorageBinding(await openRoot(metadata.rootPath)),
});
