import { readFile } from 'node:fs/promises';
import { ComponentError, errorMessage } from '@outrigger/core';
import type { VaultMetadata } from './fields.ts';
import { grantedLease, type Lease } from './lease.ts';
import type { VaultClient } from './vault-client.ts';
import { complaint, refused, replyFailure } from './vault-failure.ts';

export type Login = (signal: AbortSignal) => Promise<Lease>;

/** Signs in with the token of a service account, which is read anew each time, as Kubernetes replaces it. */
export function kubernetesLogin(client: VaultClient, metadata: VaultMetadata): Login {
  const { vaultKubernetesRole: role, vaultKubernetesMountPath: mount, vaultServiceAccountTokenPath: path } = metadata;
  if (role === undefined) throw refused('vaultKubernetesRole is required with vaultAuthMethod kubernetes');
  return async (signal) => {
    const jwt = await fileText('vaultServiceAccountTokenPath', path, signal);
    const fields = 'vaultKubernetesRole, vaultKubernetesMountPath and the service account';
    return signIn(client, mount, { role, jwt }, fields, signal);
  };
}

/** Signs in with a role ID and, where the role wants one, a secret ID. */
export function appRoleLogin(client: VaultClient, metadata: VaultMetadata): Login {
  const { vaultAppRoleRoleId: roleId, vaultAppRoleMountPath: mount, vaultAppRoleSecretIdPath: path } = metadata;
  if (roleId === undefined) throw refused('vaultAppRoleRoleId is required with vaultAuthMethod approle');
  if (path !== undefined && metadata.vaultAppRoleSecretId !== undefined) {
    throw refused('vaultAppRoleSecretId and vaultAppRoleSecretIdPath are both set; keep one of them');
  }
  return async (signal) => {
    const secretId =
      path === undefined ? metadata.vaultAppRoleSecretId : await fileText('vaultAppRoleSecretIdPath', path, signal);
    const body = { role_id: roleId, ...(secretId !== undefined && { secret_id: secretId }) };
    return signIn(client, mount, body, 'vaultAppRoleRoleId, vaultAppRoleSecretId and vaultAppRoleMountPath', signal);
  };
}

async function signIn(
  client: VaultClient,
  mount: string,
  body: Readonly<Record<string, string>>,
  fields: string,
  signal: AbortSignal,
): Promise<Lease> {
  const path = `auth/${mount.replace(/^\/+|\/+$/g, '')}/login`;
  const reply = await client.send({ method: 'POST', path: encodeURI(path), body }, signal);
  if (reply.status === 200) return grantedLease(reply.text);
  const failure = replyFailure(reply, { what: 'take the login', path, capability: 'update', address: client.address });
  if (failure.code !== 'invalid-argument') throw failure;
  const said = complaint(reply);
  throw refused(`Vault at ${client.address} refused the login at ${path}${said && ` (${said})`}: check ${fields}`);
}

async function fileText(field: string, path: string, signal: AbortSignal): Promise<string> {
  try {
    return (await readFile(path, { encoding: 'utf8', signal })).trim();
  } catch (error) {
    signal.throwIfAborted();
    throw new ComponentError('unavailable', `${field} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}
