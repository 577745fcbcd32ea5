import { defineComponent, field, type Secret, type SecretStore } from '@outrigger/core';
import { LocalSecretStore } from './local-secret-store.ts';
import { readSecretsFile } from './secrets-file.ts';

/** `secretstores.local.file`: the file is read once, when the component loads. */
export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.local.file',
  version: 'v1',
  description: 'Secrets from a JSON or .env file, for development',
  metadata: {
    secretsFile: field.text({
      description: 'Path of the file; a relative path starts at the directory the process runs in',
      required: true,
      example: './secrets.json',
    }),
    nestedSeparator: field.text({
      description: 'Joins the names of nested JSON values into one secret name',
      default: ':',
    }),
    multiValued: field.flag({
      description: 'Every first-level name is one secret with several values, instead of one secret per value',
      default: false,
    }),
  },
  create: async ({ metadata, signal }): Promise<SecretStore> => {
    const secrets = await readSecretsFile(metadata, signal);
    return new LocalSecretStore({
      title: 'secretsFile',
      features: metadata.multiValued ? ['multiple-key-values-per-secret'] : [],
      get: (name) => secrets.get(name),
      getAll: () => Object.fromEntries<Secret>(secrets),
    });
  },
});
