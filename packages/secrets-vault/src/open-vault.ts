import type { CreateContext, SecretStore } from '@outrigger/core';
import type { vaultFields, VaultMetadata } from './fields.ts';
import { KvEngine, versionOf } from './kv-engine.ts';
import { LeasedToken } from './leased-token.ts';
import { appRoleLogin, kubernetesLogin } from './logins.ts';
import { tlsSettings } from './tls-settings.ts';
import { TokenFile } from './token-file.ts';
import type { TokenSource } from './token-source.ts';
import { VaultClient } from './vault-client.ts';
import { refused } from './vault-failure.ts';
import { VaultSecretStore } from './vault-secret-store.ts';

/** Signs in and finds out about the engine. Rejects, leaving nothing behind, when either fails. */
export async function openVault({
  metadata,
  logger,
  signal,
}: Pick<CreateContext<typeof vaultFields>, 'metadata' | 'logger' | 'signal'>): Promise<SecretStore> {
  const client = new VaultClient({
    address: addressOf(metadata.vaultAddr),
    tls: await tlsSettings(metadata, logger),
    namespace: metadata.vaultNamespace,
    timeout: metadata.timeout,
  });
  let tokens: TokenSource | undefined;
  try {
    tokens = await tokensFor(client, { metadata, logger, signal });
    const location = {
      client,
      tokens,
      mount: trimmed('enginePath', metadata.enginePath),
      prefix: metadata.vaultKVUsePrefix ? trimmed('vaultKVPrefix', metadata.vaultKVPrefix) : '',
    };
    const version =
      metadata.vaultKVVersion === 'auto' ? await versionOf(location, signal) : metadata.vaultKVVersion === '1' ? 1 : 2;
    const engine = new KvEngine(location, version);
    client.logOutages(logger);
    return new VaultSecretStore({ client, tokens, engine, valueType: metadata.vaultValueType, logger });
  } catch (error) {
    await tokens?.[Symbol.asyncDispose]();
    await client.close();
    throw error;
  }
}

async function tokensFor(
  client: VaultClient,
  { metadata, logger, signal }: Pick<CreateContext<typeof vaultFields>, 'metadata' | 'logger' | 'signal'>,
): Promise<TokenSource> {
  const { vaultAuthMethod: method, vaultToken: token, vaultTokenMountPath: path } = metadata;
  if (method !== 'token') {
    const set = token === undefined ? (path === undefined ? undefined : 'vaultTokenMountPath') : 'vaultToken';
    if (set !== undefined) throw refused(`${set} does not go with vaultAuthMethod ${method}: leave one of them out`);
    const login = method === 'kubernetes' ? kubernetesLogin(client, metadata) : appRoleLogin(client, metadata);
    return LeasedToken.login({ client, logger, login }, signal);
  }
  if (token !== undefined && path !== undefined) {
    throw refused('vaultToken and vaultTokenMountPath are both set; keep one of them');
  }
  if (path !== undefined) return TokenFile.open(path, logger);
  if (token !== undefined) return LeasedToken.given(checked(token), { client, logger }, signal);
  throw refused(`set vaultToken or vaultTokenMountPath, or another vaultAuthMethod${hintFor(metadata)}`);
}

/** What stands there without the method it is for. */
function hintFor({ vaultKubernetesRole, vaultAppRoleRoleId }: VaultMetadata): string {
  if (vaultKubernetesRole !== undefined) return ' (kubernetes, as vaultKubernetesRole is set?)';
  return vaultAppRoleRoleId === undefined ? '' : ' (approle, as vaultAppRoleRoleId is set?)';
}

function checked(token: string): string {
  const text = token.trim();
  if (/[^\x21-\x7e]/.test(text)) throw refused('vaultToken holds characters that are not of a token');
  return text;
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw refused('vaultAddr is not an address such as https://vault.example.com:8200');
  }
  return url;
}

function trimmed(field: string, path: string): string {
  const text = path.replace(/^\/+|\/+$/g, '');
  if (text.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw refused(`${field} is not a path such as team/secrets`);
  }
  return text;
}
