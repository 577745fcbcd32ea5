import { defineComponent, openSecretService } from '@outrigger/core';
import { vaultOf } from './cloud.ts';
import { credentialOf } from './credential.ts';
import { fields } from './fields.ts';
import { clientOptions, KeyVault } from './key-vault.ts';

const load = () => Promise.all([import('@azure/keyvault-secrets'), import('@azure/identity')]);

export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.azure.keyvault',
  version: 'v1',
  description: 'Secrets in Azure Key Vault',
  metadata: fields,
  load,
  create: async ({ metadata, signal }) => {
    const [{ SecretClient }, identity] = await load();
    const vault = vaultOf(metadata);
    const credential = await credentialOf(metadata, { authorityHost: vault.authority }, identity);
    return await openSecretService(new KeyVault(new SecretClient(vault.url, credential, clientOptions)), signal);
  },
});
