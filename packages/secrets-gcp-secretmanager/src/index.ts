import { defineComponent, field, openSecretService } from '@outrigger/core';
import { clientOptions } from './credentials.ts';
import { SecretManager } from './secret-manager.ts';

const load = () => Promise.all([import('@google-cloud/secret-manager'), import('google-auth-library')]);

export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.gcp.secretmanager',
  version: 'v1',
  description: 'Secrets in Google Cloud Secret Manager',
  metadata: {
    projectID: field.text({
      description: 'Project of the secrets',
      required: true,
      aliases: ['project_id'],
      example: 'my-project',
    }),
    privateKeyID: field.text({
      description:
        'Id of a service account’s key; with neither it nor `privateKey` the Application Default Credentials are used. This and the fields below are those of the key’s JSON file',
      aliases: ['private_key_id'],
      secret: true,
    }),
    privateKey: field.text({
      description: 'The key, in PEM; `\\n` may stand for a line’s end',
      aliases: ['private_key'],
      secret: true,
    }),
    clientEmail: field.text({
      description: 'Address of the service account',
      aliases: ['client_email'],
      example: 'name@my-project.iam.gserviceaccount.com',
    }),
    clientID: field.text({ description: 'Not used: `clientEmail` says who it is', aliases: ['client_id'] }),
    type: field.text({ description: 'Kind of the credentials', default: 'service_account' }),
    authURI: field.text({ description: 'Not used: the key itself signs in', aliases: ['auth_uri'] }),
    tokenURI: field.text({ description: 'Not used: the key itself signs in', aliases: ['token_uri'] }),
    authProviderX509CertURL: field.text({ description: 'Not used', aliases: ['auth_provider_x509_cert_url'] }),
    clientX509CertURL: field.text({ description: 'Not used', aliases: ['client_x509_cert_url'] }),
  },
  load,
  create: async ({ metadata, signal }) => {
    const [{ SecretManagerServiceClient }, login] = await load();
    const client = new SecretManagerServiceClient(clientOptions(metadata, login));
    return await openSecretService(new SecretManager(client, metadata.projectID), signal);
  },
});
