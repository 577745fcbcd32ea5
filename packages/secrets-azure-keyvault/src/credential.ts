import { readFile } from 'node:fs/promises';
import type {
  ChainedTokenCredential,
  ClientCertificatePEMCertificate,
  ClientSecretCredentialOptions,
  TokenCredential,
} from '@azure/identity';
import type * as identityLibrary from '@azure/identity';
import { ComponentError, errorMessage } from '@outrigger/core';
import type { KeyVaultMetadata } from './fields.ts';

type Identity = typeof identityLibrary;
type Way = 'secret' | 'certificate' | 'workload' | 'managed' | 'cli';

const wayOf: Readonly<Record<string, Way>> = {
  clientcredentials: 'secret',
  creds: 'secret',
  clientcertificate: 'certificate',
  cert: 'certificate',
  workloadidentity: 'workload',
  wi: 'workload',
  managedidentity: 'managed',
  mi: 'managed',
  commandlineinterface: 'cli',
  cli: 'cli',
};

/** The ways to sign in that metadata allows, one after the other. Nobody signs in yet. */
export async function credentialOf(
  metadata: KeyVaultMetadata,
  options: ClientSecretCredentialOptions,
  identity: Identity,
): Promise<ChainedTokenCredential> {
  const { azureTenantId: tenant, azureClientId: client, azureClientSecret: secret, azureAuthMethods = [] } = metadata;
  const certificate = await certificateOf(metadata);

  const make = (way: Way): TokenCredential | undefined => {
    const principal = tenant !== undefined && client !== undefined ? ([tenant, client] as const) : undefined;
    switch (way) {
      case 'secret':
        return principal && secret !== undefined
          ? new identity.ClientSecretCredential(...principal, secret, options)
          : undefined;
      case 'certificate':
        return principal && certificate && new identity.ClientCertificateCredential(...principal, certificate, options);
      case 'workload':
        return new identity.WorkloadIdentityCredential({ ...options });
      case 'managed':
        return new identity.ManagedIdentityCredential(client === undefined ? {} : { clientId: client });
      case 'cli':
        return new identity.AzureCliCredential();
    }
  };

  const ways = azureAuthMethods.length === 0 ? (['secret', 'certificate'] as const) : azureAuthMethods.map(parseWay);
  const credentials = ways.flatMap((way) => {
    try {
      return make(way) ?? [];
    } catch {
      throw new ComponentError('invalid-argument', `azureAuthMethods: what ${way} identity needs is not there`);
    }
  });
  if (azureAuthMethods.length === 0) {
    const found = { ...options, ...(client !== undefined && { managedIdentityClientId: client }) };
    credentials.push(new identity.DefaultAzureCredential(found));
  }
  if (credentials.length === 0) {
    const needed = 'azureTenantId and azureClientId, with azureClientSecret or azureCertificate';
    throw new ComponentError('invalid-argument', `azureAuthMethods: none of them can be used; they need ${needed}`);
  }
  return new identity.ChainedTokenCredential(...credentials);
}

function parseWay(method: string): Way {
  const way = wayOf[method.toLowerCase()];
  if (way !== undefined) return way;
  const known = Object.keys(wayOf).join(', ');
  throw new ComponentError('invalid-argument', `azureAuthMethods: "${method}" is none of ${known}`);
}

async function certificateOf(metadata: KeyVaultMetadata): Promise<ClientCertificatePEMCertificate | undefined> {
  const { azureCertificate, azureCertificateFile, azureCertificatePassword } = metadata;
  if (azureCertificate === undefined && azureCertificateFile === undefined) return undefined;
  const field =
    azureCertificateFile === undefined ? 'azureCertificate' : `azureCertificateFile "${azureCertificateFile}"`;
  let pem = azureCertificate ?? '';
  if (azureCertificateFile !== undefined) {
    pem = await readFile(azureCertificateFile, 'utf8').catch((cause: unknown) => {
      throw new ComponentError('not-found', `${field} cannot be read: ${errorMessage(cause)}`, { cause });
    });
  }
  if (!/-----BEGIN CERTIFICATE-----/.test(pem) || !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    const fix = 'it has to hold a certificate and its private key in PEM (convert a PFX with openssl pkcs12 -nodes)';
    throw new ComponentError('invalid-argument', `${field}: ${fix}`);
  }
  return {
    certificate: pem,
    ...(azureCertificatePassword !== undefined && { certificatePassword: azureCertificatePassword }),
  };
}
