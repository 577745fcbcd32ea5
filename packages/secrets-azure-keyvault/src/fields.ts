import { field, type MetadataOf } from '@outrigger/core';

export const fields = {
  vaultName: field.text({
    description: 'Name of the key vault, or its full host name',
    required: true,
    example: 'mykeyvault',
  }),
  azureEnvironment: field.oneOf(
    ['AzurePublicCloud', 'AzureChinaCloud', 'AzureUSGovernmentCloud', 'AzurePublic', 'AzureChina', 'AzureUSGovernment'],
    { description: 'The cloud the vault is in', default: 'AzurePublicCloud', aliases: ['azureCloud'] },
  ),
  azureTenantId: field.text({
    description: 'Tenant of the service principal',
    aliases: ['spnTenantId', 'tenantId'],
  }),
  azureClientId: field.text({
    description: 'Client id of the service principal, or of one of several managed identities',
    aliases: ['spnClientId', 'clientId'],
  }),
  azureClientSecret: field.text({
    description: 'Client secret of the service principal',
    aliases: ['spnClientSecret', 'clientSecret'],
    secret: true,
  }),
  azureCertificate: field.text({
    description: 'Instead of a client secret: certificate and private key, in one PEM text',
    aliases: ['spnCertificate'],
    secret: true,
  }),
  azureCertificateFile: field.text({
    description: 'Instead of `azureCertificate`: path of a PEM file with both',
    aliases: ['spnCertificateFile'],
    example: '/path/to/file.pem',
  }),
  azureCertificatePassword: field.text({
    description: 'Password of the private key, when it is encrypted',
    aliases: ['spnCertificatePassword'],
    secret: true,
  }),
  azureAuthMethods: field.list({
    description:
      'Ways to sign in, tried in this order: `clientcredentials` (`creds`), `clientcertificate` (`cert`), `workloadidentity` (`wi`), `managedidentity` (`mi`), `commandlineinterface` (`cli`). Default: what the fields above allow, then what the SDK finds where it runs',
    aliases: ['azureADAuthMethods', 'entraIDAuthMethods', 'microsoftEntraIDAuthMethods'],
    example: 'workloadidentity,managedidentity',
  }),
};

export type KeyVaultMetadata = MetadataOf<typeof fields>;
