import { ComponentError } from '@outrigger/core';
import type * as library from 'google-auth-library';

export interface ServiceAccountKey {
  readonly projectID: string;
  readonly type: string;
  readonly privateKeyID?: string;
  readonly privateKey?: string;
  readonly clientEmail?: string;
}

/** How the SDK signs in: with the key, or as whoever the machine says. Throws `invalid-argument` for a key that is not whole. */
export function clientOptions(
  metadata: ServiceAccountKey,
  { GoogleAuth, JWT }: Pick<typeof library, 'GoogleAuth' | 'JWT'>,
) {
  const { projectID: projectId, privateKeyID, privateKey, clientEmail, type } = metadata;
  // JSON over HTTP: the gRPC client would be a second one in this process, with threads and connections of its own
  const options = { fallback: true, projectId };
  if (privateKeyID === undefined && privateKey === undefined) return options;
  if (type !== 'service_account') {
    throw new ComponentError('invalid-argument', 'type: only a key of the type service_account can be used');
  }
  if (privateKey === undefined)
    throw new ComponentError('invalid-argument', 'privateKey is missing beside privateKeyID');
  if (clientEmail === undefined)
    throw new ComponentError('invalid-argument', 'clientEmail is missing beside privateKey');
  const key = privateKey.replaceAll('\\n', '\n');
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n/.test(key)) {
    throw new ComponentError('invalid-argument', 'privateKey is no private key in PEM, which begins with -----BEGIN');
  }
  const account = new JWT({ email: clientEmail, key, ...(privateKeyID !== undefined && { keyId: privateKeyID }) });
  // the key signs a token for this service itself, so nobody else is asked for one
  account.defaultServicePath = 'secretmanager.googleapis.com';
  return { ...options, auth: new GoogleAuth({ authClient: account, projectId }) };
}
