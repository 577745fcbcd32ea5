import { defineComponent } from '@outrigger/core';
import { vaultFields } from './fields.ts';

/** `secretstores.hashicorp.vault`: secrets of a KV engine, version 1 or 2. */
export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.hashicorp.vault',
  version: 'v1',
  description: 'Secrets in HashiCorp Vault',
  metadata: vaultFields,
  load: () => import('./open-vault.ts'),
  create: async (context) => {
    const { openVault } = await import('./open-vault.ts');
    return openVault(context);
  },
});
