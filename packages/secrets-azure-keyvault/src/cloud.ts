import { ComponentError } from '@outrigger/core';
import type { KeyVaultMetadata } from './fields.ts';

interface Cloud {
  readonly suffix: string;
  readonly authority: string;
}

const global: Cloud = { suffix: 'vault.azure.net', authority: 'https://login.microsoftonline.com' };
const china: Cloud = { suffix: 'vault.azure.cn', authority: 'https://login.chinacloudapi.cn' };
const government: Cloud = { suffix: 'vault.usgovcloudapi.net', authority: 'https://login.microsoftonline.us' };

const clouds: Readonly<Record<KeyVaultMetadata['azureEnvironment'], Cloud>> = {
  AzurePublicCloud: global,
  AzurePublic: global,
  AzureChinaCloud: china,
  AzureChina: china,
  AzureUSGovernmentCloud: government,
  AzureUSGovernment: government,
};

/** The URL of the vault, and of where its users sign in. A full host name as `vaultName` says which cloud it is. */
export function vaultOf({ vaultName, azureEnvironment }: Pick<KeyVaultMetadata, 'vaultName' | 'azureEnvironment'>) {
  const written = vaultName.replace(/^https:\/\//, '').replace(/\/$/, '');
  const named = [global, china, government].find(({ suffix }) => written.endsWith(`.${suffix}`));
  const { suffix, authority } = named ?? clouds[azureEnvironment];
  const name = named === undefined ? written : written.slice(0, -suffix.length - 1);
  if (!/^[a-zA-Z0-9-]+$/.test(name)) {
    throw new ComponentError(
      'invalid-argument',
      `vaultName "${vaultName}" is no name of a key vault; it looks like mykeyvault`,
    );
  }
  return { url: `https://${name}.${suffix}`, authority };
}
