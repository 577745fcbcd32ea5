import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ComponentError, errorMessage } from '@outrigger/core';
import type { HttpMetadata } from './fields.ts';

/** What the metadata says of TLS. Rejects with `invalid-argument`, naming the field, when it cannot be used. */
export async function tlsOptions(metadata: HttpMetadata, signal: AbortSignal): Promise<SecureContextOptions> {
  const [ca, cert, key] = await Promise.all([
    pemOf('MTLSRootCA', metadata.MTLSRootCA, signal),
    pemOf('MTLSClientCert', metadata.MTLSClientCert, signal),
    pemOf('MTLSClientKey', metadata.MTLSClientKey, signal),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] =
      cert === undefined ? ['MTLSClientKey', 'MTLSClientCert'] : ['MTLSClientCert', 'MTLSClientKey'];
    throw new ComponentError(
      'invalid-argument',
      `${there} needs ${missing}: a certificate and its key belong together`,
    );
  }
  if (ca !== undefined) check('MTLSRootCA', () => new X509Certificate(ca));
  if (cert !== undefined) check('MTLSClientCert', () => new X509Certificate(cert));
  if (key !== undefined) check('MTLSClientKey', () => createPrivateKey(key));
  if (cert !== undefined && key !== undefined) check('MTLSClientKey', () => createSecureContext({ cert, key }));
  return {
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(metadata.MTLSRenegotiation === 'RenegotiateNever' && { secureOptions: constants.SSL_OP_NO_RENEGOTIATION }),
  };
}

async function pemOf(field: string, value: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (value === undefined || value.includes('-----BEGIN ')) return value;
  try {
    return await readFile(value, { encoding: 'utf8', signal });
  } catch (error) {
    signal.throwIfAborted();
    // the value may be a broken PEM text, and so a secret
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new ComponentError(
      'invalid-argument',
      `${field} is neither PEM text nor the path of a file that can be read${code}`,
    );
  }
}

function check(field: string, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    throw new ComponentError('invalid-argument', `${field} cannot be used: ${errorMessage(error)}`, { cause: error });
  }
}
