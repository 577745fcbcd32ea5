import { field, type MetadataOf } from '@outrigger/core';

/** The metadata of `secretstores.hashicorp.vault`. Dapr's names; those that Dapr 1.18 does not have are marked in the README. */
export const vaultFields = {
  vaultAddr: field.text({ description: 'Address of the server', default: 'https://127.0.0.1:8200' }),
  vaultAuthMethod: field.oneOf(['token', 'kubernetes', 'approle'], {
    description: 'How to sign in',
    default: 'token',
  }),
  vaultToken: field.text({ description: 'The token, for `token`', secret: true }),
  vaultTokenMountPath: field.text({
    description: 'File with the token, for `token`; read again whenever it changes',
    example: '/vault/token',
  }),
  vaultKubernetesRole: field.text({ description: 'Role of the Kubernetes auth method; required for `kubernetes`' }),
  vaultKubernetesMountPath: field.text({
    description: 'Where the Kubernetes auth method is mounted',
    default: 'kubernetes',
  }),
  vaultServiceAccountTokenPath: field.text({
    description: 'File with the token of the service account, read at every sign-in',
    default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
  }),
  vaultAppRoleRoleId: field.text({ description: 'Role ID of the AppRole auth method; required for `approle`' }),
  vaultAppRoleSecretId: field.text({
    description: 'Secret ID; none for a role that is bound to none',
    secret: true,
  }),
  vaultAppRoleSecretIdPath: field.text({ description: 'File with the secret ID instead, read at every sign-in' }),
  vaultAppRoleMountPath: field.text({ description: 'Where the AppRole auth method is mounted', default: 'approle' }),
  vaultNamespace: field.text({ description: 'Namespace of Vault Enterprise', example: 'team/a' }),
  enginePath: field.text({ description: 'Where the KV engine is mounted', default: 'secret' }),
  vaultKVVersion: field.oneOf(['auto', '1', '2'], {
    description: 'Version of the KV engine; `auto` asks the server, and takes 2 where the token may not know',
    default: 'auto',
  }),
  vaultKVPrefix: field.text({ description: 'Folder in the engine that holds the secrets', default: 'dapr' }),
  vaultKVUsePrefix: field.flag({ description: 'Whether there is such a folder', default: true }),
  vaultValueType: field.oneOf(['map', 'text'], {
    description: '`map`: a secret has the keys that Vault has; `text`: one, with all of them as a JSON object',
    default: 'map',
  }),
  caPem: field.text({ description: 'Authorities that may sign the certificate of the server, as PEM text' }),
  caPath: field.text({ description: 'Folder with such PEM files; where caPem is not set' }),
  caCert: field.text({ description: 'Such a PEM file; where neither caPem nor caPath is set' }),
  skipVerify: field.flag({
    description: 'Take any certificate of the server. Who is in between can then read the token: for tests',
    default: false,
  }),
  tlsServerName: field.text({ description: 'Name that the certificate is for, where it is not the host of vaultAddr' }),
  clientCert: field.text({ description: 'Client certificate, as PEM text or the path of a file' }),
  clientKey: field.text({ description: 'Key of clientCert, as PEM text or the path of a file', secret: true }),
  timeout: field.duration({ description: 'How long the server may take to answer a request', default: 10_000, min: 1 }),
};

export type VaultMetadata = MetadataOf<typeof vaultFields>;
